"""The DAGs: one for each pipeline, and chains of them. pipelines.yaml says what there is, AIRFLOW.md how it is set up.

Airflow reads this file in its own environment, and launches `python -m pipelines` in that of the project.
"""

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from airflow.providers.apprise.notifications.apprise import AppriseNotifier
from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import DAG, Asset, BaseOperator, CronDataIntervalTimetable, Param, chain
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from jinja2 import StrictUndefined, TemplateError, pass_context
from jinja2.sandbox import SandboxedEnvironment

_FOLDER = Path(__file__).parent
_DESCRIPTION = yaml.safe_load((_FOLDER / "pipelines.yaml").read_text(encoding="utf-8"))
_REFUSED = 2  # the exit status for bad arguments or input
_EMPTY = "found none"  # how the message ends if there is no input
_FOREIGN = ("AIRFLOW", "_AIRFLOW", "PYTHONHOME", "PYTHONPATH")  # of Airflow's environment, with its secrets
_COMMON = ("run_id", "incremental", "runner_config")  # options that all steps of a chain share
_START = datetime(2020, 1, 1, tzinfo=UTC)  # of what can be backfilled
_FORMATS = {"ds": "%Y-%m-%d", "ds_nodash": "%Y%m%d", "ts_nodash": "%Y%m%dT%H%M%S"}


@dataclasses.dataclass(frozen=True, slots=True)
class Deployment:
    """What differs from one Airflow to another: the YAML that LINERNOTES_DEPLOYMENT names; else this checkout."""

    home: str = str(_FOLDER.parents[1])  # the folder that all relative paths start from
    python: str = ".venv/bin/python"  # of the project's environment
    configs: str = "configs"  # folder of a NAME.yaml for each pipeline
    runner_config: str | None = None  # where it runs, unless the Param says; None: on Airflow's worker
    retries: int = 2
    retry_delay_s: float = 300
    dags: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)  # NAME: {schedule, params}

    def __post_init__(self) -> None:
        unknown = set(self.dags) - set(_DESCRIPTION["pipelines"]) - set(_DESCRIPTION["chains"])
        if unknown:
            raise ValueError(f"deployment: dags: no such DAG: {', '.join(sorted(unknown))}")


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One pipeline of a DAG: which Param each option of the command line and each setting takes its value from."""

    pipeline: str
    options: Mapping[str, str]
    settings: Mapping[str, str]
    set: str  # the Param with more settings
    fixed: Sequence[str] = ()  # settings that are not for a Param to change


class RunPipeline(BaseOperator):
    """Runs a pipeline by the command line. What that refuses is not tried again; all else is, with the same run id.

    The asset event of each table says which run changed it, and of which output.
    """

    template_fields = ("command",)
    template_fields_renderers: Mapping[str, str] = {"command": "json"}

    def __init__(self, *, step: Step, deployment: Deployment, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step
        self.deployment = deployment
        self.command: Any = "{{ command_line() }}"
        self.hook: SubprocessHook | None = None

    def execute(self, context: Mapping[str, Any]) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        self.hook = SubprocessHook()
        # Unbuffered, so that an error is the last line.
        status, said = self.hook.run_command(
            self.command, env={**own, "PYTHONUNBUFFERED": "1"}, cwd=self.deployment.home
        )
        if status:
            raise _make_error(status, said, context["params"]["skip_empty"])
        if context["params"].get("dry_run"):
            self.outlets.clear()  # nothing is written, and nobody is to think so
        run_id = next(word.removeprefix("--run_id=") for word in self.command if word.startswith("--run_id="))
        for table in self.outlets:
            context["outlet_events"][table].extra = {"run_id": run_id, "output": said.removeprefix("tables: ")}

    def on_kill(self) -> None:
        if self.hook is not None:
            self.hook.send_sigterm()


def _make_error(status: int, said: str, skip_empty: bool) -> AirflowException:
    if status != _REFUSED:
        return AirflowException(f"exit status {status}: {said}")
    if skip_empty and said.endswith(_EMPTY):
        return AirflowSkipException(said)
    return AirflowFailException(said)


def command_line(context: Any) -> list[str]:
    """The words of the command of the task that is rendered."""
    step, deployment, params = context["task"].step, context["task"].deployment, context["params"]
    interval = _describe_interval(context)

    def take(param: str) -> Any:
        return _fill(params[param], interval)

    options = {"config": None, **{option: take(param) for option, param in step.options.items()}}
    options["config"] = options["config"] or f"{deployment.configs}/{step.pipeline}.yaml"
    options["runner_config"] = options["runner_config"] or deployment.runner_config
    settings = {name: take(param) for name, param in step.settings.items()}
    given = [f"{name}={json.dumps(value)}" for name, value in settings.items() if value is not None]
    return [
        str(Path(deployment.home, deployment.python)),
        *("-m", "pipelines", step.pipeline),
        *_make_flags(options),
        *(f"--set={each}" for each in [*take(step.set), *given, *step.fixed]),
        f"--job_name={_name_job(step.pipeline, options['run_id'])}",
    ]


def _name_job(pipeline: str, run_id: str) -> str:
    """Dataflow refuses a second job of a name while one runs, such as that of a worker that was lost."""
    return f"linernotes-{pipeline}-{run_id}".lower().replace("_", "-").rstrip("-")


def _describe_interval(context: Any) -> dict[str, Any]:
    """What Params may name between {{ }}: the data interval, or for want of one the moment, and nothing secret."""
    start = context.get("data_interval_start") or context["dag_run"].run_after
    end = context.get("data_interval_end") or start
    names = {"data_interval_start": start, "data_interval_end": end}
    return names | {name: start.strftime(form) for name, form in _FORMATS.items()}


def _fill(value: Any, interval: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_fill(each, interval) for each in value]
    if not isinstance(value, str):
        return value
    try:
        return SandboxedEnvironment(undefined=StrictUndefined).from_string(value).render(interval)
    except TemplateError as error:
        raise AirflowFailException(f"{value}: {error}; there are {', '.join(interval)}") from error


def _make_flags(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if value is True:
            yield f"--{name}"
        elif value is not None and value is not False:
            yield f"--{name}={value}"


def make_single(name: str, deployment: Deployment) -> DAG:
    """The DAG of one pipeline; it runs when it is triggered, unless the deployment has a schedule for it."""
    said = _DESCRIPTION["pipelines"][name]
    described = {option: {"description": text} for option, text in said["options"].items()}
    options = {
        option: schema | described.get(option, {})
        for option, schema in _DESCRIPTION["options"].items()
        if option in described or "description" in schema
    }
    settings = {setting: _DESCRIPTION["settings"][setting] for setting in said["settings"]}
    own = {option: option for option in options if option != "set"}
    step = Step(name, own, {setting: setting for setting in settings}, "set")
    return _make_dag(name, said, options | settings, [step], deployment)


def make_chain(name: str, deployment: Deployment) -> DAG:
    """The DAG of a chain: pipelines one after another, with one run id."""
    said, options = _DESCRIPTION["chains"][name], _DESCRIPTION["options"]
    schemas = {param: {"type": "string", "minLength": 1, "description": text} for param, text in said["params"].items()}
    schemas |= {option: options[option] for option in _COMMON}
    steps = []
    for pipeline, wires in said["steps"].items():
        more = f"{pipeline}_set"
        schemas[more] = options["set"] | {"description": f"{pipeline}: {options['set']['description']}"}
        taken = wires["options"] | {option: option for option in _COMMON}
        steps.append(Step(pipeline, taken, wires.get("settings", {}), more, wires.get("fixed", ())))
    return _make_dag(name, said, schemas, steps, deployment)


def _make_dag(
    name: str,
    said: Mapping[str, Any],
    schemas: Mapping[str, Mapping[str, Any]],
    steps: Sequence[Step],
    deployment: Deployment,
) -> DAG:
    changes = deployment.dags.get(name, {})
    schedule = changes.get("schedule", said.get("schedule"))
    with DAG(
        f"linernotes_{name}",
        description=said["summary"],
        schedule=CronDataIntervalTimetable(schedule, timezone="UTC") if schedule else None,
        start_date=_START,
        catchup=False,
        max_active_runs=1,  # one attempt of a run at a time, and one that changes the index
        params=_make_params(name, {**schemas, **_DESCRIPTION["own"]}, changes.get("params", {})),
        user_defined_macros={"command_line": pass_context(command_line)},
        render_template_as_native_obj=True,  # or the command would be text
        tags=["linernotes"],
        default_args={
            "retries": deployment.retries,
            "retry_delay": timedelta(seconds=deployment.retry_delay_s),
            "retry_exponential_backoff": True,
            "on_failure_callback": AppriseNotifier(
                apprise_conn_id="{{ params.alert_conn_id }}",
                notify_type="failure",
                title="{{ dag.dag_id }}: {{ task.task_id }} failed",
                body="{{ exception }}\nRun {{ run_id }}, try {{ ti.try_number }}\n{{ ti.log_url }}",
            ),
        },
    ) as dag:
        chain(*(_make_task(step, deployment) for step in steps))
    return dag


def _make_params(name: str, schemas: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any]) -> dict[str, Param]:
    unknown = set(defaults) - set(schemas)
    if unknown:
        raise ValueError(f"deployment: dags: {name}: params: no such Param: {', '.join(sorted(unknown))}")
    params = {param: _make_param(dict(schema), defaults.get(param)) for param, schema in schemas.items()}
    for param in params.values():
        param.resolve()  # or a bad default would show only when it runs
    return params


def _make_param(schema: dict[str, Any], chosen: Any) -> Param:
    """Null by default, unless the schema or the deployment has another."""
    if "default" not in schema:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    default = schema.pop("default", None)
    return Param(default if chosen is None else chosen, schema.pop("description"), **schema)


def _make_task(step: Step, deployment: Deployment) -> RunPipeline:
    return RunPipeline(
        task_id=step.pipeline,
        step=step,
        deployment=deployment,
        trigger_rule="none_failed",  # a day without new tracks may have new episodes
        outlets=[Asset(f"linernotes_{each}") for each in _DESCRIPTION["pipelines"][step.pipeline]["writes"]],
    )


def _read_deployment() -> Deployment:
    path = os.environ.get("LINERNOTES_DEPLOYMENT")
    return Deployment(**(yaml.safe_load(Path(path).read_text(encoding="utf-8")) if path else {}))


_deployment = _read_deployment()
for _name in _DESCRIPTION["pipelines"]:
    globals()[f"linernotes_{_name}"] = make_single(_name, _deployment)
for _name in _DESCRIPTION["chains"]:
    globals()[f"linernotes_{_name}"] = make_chain(_name, _deployment)
