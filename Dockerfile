# What Dataflow's workers run, and what starts a pipeline's flex template: see pipelines/DATAFLOW.md.
#
#   docker build --tag IMAGE .                                          workers without a GPU
#   docker build --tag IMAGE --build-arg DEVICE=gpu .                   workers with one
#   docker build --tag IMAGE --build-arg PIPELINE=match_podcasts .      a pipeline's template, all but one layer shared
#   docker build --tag IMAGE --target command_line .                    linernotes for any machine, not as root

ARG PYTHON=python:3.11-slim-bookworm
ARG BEAM=apache/beam_python3.11_sdk:2.77.0
ARG LAUNCHER=gcr.io/dataflow-templates-base/python311-template-launcher-base:20230622_RC00

FROM ${BEAM} AS beam
FROM ${LAUNCHER} AS launcher

FROM ${PYTHON} AS installed
ARG DEVICE=cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
# First what is required, with packages of ours that are empty: a change of ours alone then builds in seconds.
COPY setup.py pyproject.toml README.md LICENSE configs/constraints.txt ./
RUN mkdir configs models pipelines transforms \
    && pip install --prefix=/installed --constraint constraints.txt ".[${DEVICE},tflite,onnx]" \
    && rm -r build ./*.egg-info
COPY configs configs
COPY models models
COPY pipelines pipelines
COPY transforms transforms
RUN pip install --prefix=/installed --constraint constraints.txt --no-deps .

FROM ${PYTHON} AS command_line
COPY --from=installed /installed /usr/local
RUN pip check && useradd --uid 1000 --create-home linernotes
USER 1000
WORKDIR /home/linernotes
ENTRYPOINT ["linernotes"]

# Dataflow gives its containers folders that only root may write, so this runs as root, as Beam's own image does. Media
# are decoded in a process apart, with limits of its own: models/isolation.py.
FROM ${PYTHON} AS dataflow
COPY --from=beam /opt/apache/beam /opt/apache/beam
COPY --from=launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
COPY --from=installed /installed /usr/local
COPY pipelines/flex.py /template/flex.py
RUN pip check
# Workers use what is installed here, and install nothing. The driver of a GPU comes with the machine.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1 \
    LD_LIBRARY_PATH=/usr/local/nvidia/lib64 \
    FLEX_TEMPLATE_PYTHON_PY_FILE=/template/flex.py
ARG PIPELINE=""
ENV LINERNOTES_PIPELINE=${PIPELINE}
ENTRYPOINT ["/opt/apache/beam/boot"]
