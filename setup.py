"""Packaging of linernotes: what a run needs, and what only developers need."""

from pathlib import Path

from setuptools import setup

setup(
    name="linernotes",
    version="0.1.0",
    description="Content understanding for audio and video catalogues, as batch pipelines on Apache Beam",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=["configs", "models", "pipelines", "pipelines.dags", "transforms"],
    package_data={
        "configs": ["*.yaml", "runners/*.yaml", "*.txt"],
        "models": [
            "queries/*.sql",
            "authors/*",
            "authors/*/*",
            "authors/*/*/*",
            "tracks/*",
            "tracks/*/*",
            "tracks/*/*/*",
            "transitions/*",
        ],
        "pipelines": ["dags/*.yaml", "site/*"],
    },
    install_requires=[
        "anyascii>=0.3.2",
        "apache-beam[gcp]>=2.77",
        "av>=14",
        "duckdb>=1.1",
        "ftfy>=6.2",
        "google-cloud-bigquery>=3.25",
        "google-cloud-storage>=2.18",
        "jinja2>=3.1",
        "numba>=0.60",
        "numpy>=2.0",
        "pillow>=11",
        "pyarrow>=18",
        "python-json-logger>=3.1",
        "pyyaml>=6.0",
        "rapidfuzz>=3.9",
        "scipy>=1.13",
        "soxr>=0.5",
        "tqdm>=4.66",
    ],
    extras_require={
        # Exactly one of the first two: both are the package tensorflow. What only fingerprints needs neither.
        "cpu": [
            "tensorflow-cpu>=2.18; platform_system == 'Linux' and platform_machine == 'x86_64'",
            "tensorflow>=2.18; platform_system != 'Linux' or platform_machine != 'x86_64'",
        ],
        "gpu": ["tensorflow[and-cuda]>=2.18"],
        "tflite": ["ai-edge-litert>=1.2"],
        "onnx": ["onnxruntime>=1.19"],
        "train": ["keras>=3.6", "librosa>=0.11", "matplotlib>=3.9", "scikit-learn>=1.5"],
        "browser": ["playwright>=1.48"],
        "dev": [
            "linernotes[cpu,tflite,onnx,train]",
            "hypothesis>=6.100",
            "import-linter>=2.1",
            "mypy>=1.14",
            "pytest>=8.3",
            "ruff>=0.9",
            "soundfile>=0.13",
            "types-PyYAML",
            "types-tqdm",
        ],
    },
    entry_points={"console_scripts": ["linernotes = pipelines.cli:main"]},
)
