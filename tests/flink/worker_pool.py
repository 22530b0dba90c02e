"""The pool that a TaskManager asks for SDK workers: Beam's, at one address instead of at all of them.

python tests/flink/worker_pool.py 127.0.0.2:0  # prints the port

Beam's own entry point takes every address of the machine, so two pools on it could not have the same port, and a job
names one port for all. To share a pool is no way out: workers of different TaskManagers have the same ids, and
whichever is stopped first ends the other.
"""

import sys
from concurrent import futures

import grpc
from apache_beam.portability.api import beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer


def main(address: str) -> None:
    """Serves until it is killed."""
    server = grpc.server(futures.ThreadPoolExecutor(), options=[("grpc.so_reuseport", 0)])
    pool = BeamFnExternalWorkerPoolServicer(use_process=True, data_buffer_time_limit_ms=-1)
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    port = server.add_insecure_port(address)
    server.start()
    print(f"listening at port {port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1])
