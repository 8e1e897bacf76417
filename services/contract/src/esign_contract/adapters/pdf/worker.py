"""The worker process: one job, given as JSON in the argument, under limits that it sets for itself; the answer is JSON.

A job that runs into a limit dies; whoever started it takes that as DOCUMENT_TOO_COMPLEX.
"""

import json
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def limit(cpu_seconds: int, memory_bytes: int, file_bytes: int, open_files: int) -> None:
    """Bound this process, for good."""
    for what, value in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, open_files),
    ):
        hard = resource.getrlimit(what)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(what, (bound, bound))
        except (ValueError, OSError):
            # macOS does not let the address space be bounded; the wall clock still is, by the parent.
            if what != resource.RLIMIT_AS or sys.platform != "darwin":
                raise


def work(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do the job; refusals are answers too."""
    source, target = Path(job["source"]), Path(job["target"])
    if job["do"] == "render":
        from esign_contract.adapters.pdf.render import Mark, render

        mark = Mark(job["mark"], job["font"]) if job["mark"] else None
        return {"images": render(source, target, job["pages"], job["width"], mark)}
    from esign_contract.adapters.pdf.refused import Refused

    try:
        if job["do"] == "search":
            from esign_contract.adapters.facts import found_json
            from esign_contract.adapters.pdf.search import search

            return {"found": found_json(search(source, job["words"]))}
        if job["do"] == "convert":
            from esign_contract.adapters.pdf.word import convert

            convert(source, target, job["soffice"])
            return {}
        from esign_contract.adapters.facts import pages_json, signatures_json
        from esign_contract.adapters.pdf.intake import take_in

        taken = take_in(source, target, job["max_pages"])
        return {"pages": pages_json(taken.pages), "signatures": signatures_json(taken.signatures)}
    except Refused as refusal:
        return {"refused": refusal.code}
    except (MemoryError, RecursionError):
        return {"refused": "DOCUMENT_TOO_COMPLEX"}


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    limit(asked["cpu_seconds"], asked["memory_bytes"], asked["file_bytes"], asked["open_files"])
    json.dump(work(asked), sys.stdout)
