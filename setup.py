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
    packages=["configs", "models", "pipelines", "transforms"],
    package_data={"configs": ["*.yaml", "runners/*.yaml", "constraints.txt"]},
    install_requires=[
        "apache-beam>=2.77",
        "av>=14",
        "numba>=0.60",
        "numpy>=2.0",
        "pyarrow>=18",
        "pyyaml>=6.0",
        "scipy>=1.13",
        "soxr>=0.5",
        "tqdm>=4.66",
    ],
    extras_require={
        "gcp": ["apache-beam[gcp]>=2.77", "google-cloud-bigquery>=3.25", "google-cloud-storage>=2.18"],
        "dev": [
            "duckdb>=1.1",
            "hypothesis>=6.100",
            "import-linter>=2.1",
            "librosa>=0.11",
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
