"""The bundled sample: about 200 trajectories written for this project, and how they were made.

`sample_files` gives the files; `make_sample` writes them, from the stories in `word_problems`,
`algebra`, `stem` and `code_tasks` and the misfits in `attempts`.
"""

from pathlib import Path

__all__ = ["sample_files"]


def sample_files() -> list[str]:
    """Paths of the sample's JSON-lines files, sorted. The formats differ from file to file and
    are told from the fields.

    Raises:
        FileNotFoundError: if the package was installed without its data.
    """
    folder = Path(__file__).parent / "sample"
    files = sorted(str(path) for path in folder.glob("*.jsonl"))
    if not files:
        raise FileNotFoundError(f"the sample is missing from {folder}")
    return files
