"""Collects downloads that were tampered with, and writes benchmarks/results/mutated_downloads.md.

    python benchmarks/mutated_downloads.py --downloads 10000

A download is what a platform would write for a few of a class of twelve (umlauts, an apostrophe,
namesakes by letters, one word, two scripts); the public sources of the shapes are named in
helpers/grading/lms/. One to three mutations follow: of what a student chooses, of a name or number,
of bytes, of the folders around, of the archive. Each notebook says whose it is. After each
`collect`:

- it ended in a result, or in one line with everything in submitted/ as it was;
- whatever is in a student's folder is that student's;
- every file is taken or named, but for what systems leave beside files;
- where somebody's notebook is not in place, the exit code says that a person has to look.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import shutil
import sys
import tarfile
import tempfile
import time
import unicodedata
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from helpers.files import write_text  # noqa: E402
from helpers.grading.handin.markup import plain_line  # noqa: E402
from helpers.grading.lms.collect import Collected, collect  # noqa: E402
from tests.grading import sample  # noqa: E402

NAMES = {
    "ada": "Ada Lovelace",
    "ben": "Ben de la Müller",
    "cy": "Cy O'Neil",
    "anna-a": "Ann Alee",
    "anna-b": "Anna Lee",
    "sukarno": "Sukarno",
    "li": "李 明",
    "jose": "José Núñez",
    "max-a": "Max Weiß",
    "max-b": "Max Weis",
    "ole": "Ole Bjørn",
    "zoe": "Zoë Ng",
}
ROSTER = "id,name,email,canvas_id,canvas_login,sis_id,moodle_id\n" + "".join(
    f"{who},{name},{who}@uni.example,{100 + at},{who}01,S{at},{900 + at}\n"
    for at, (who, name) in enumerate(NAMES.items())
)
NUMBER = {who: at for at, who in enumerate(NAMES)}
PIECES = ("ada", "Ben de la Müller", "_101_", "903", "_assignsubmission_file_", "LATE", "anon", " ")
PIECES += ("homework", "(1)", "-", "S3", "lovelaceada_100_7_", "ü", "\u202e", "..", "%20", "zoe01")


@dataclass
class File:
    """One member of a download: whose it is, what the platform and what the student called it.

    `packed` is what lies in it, where the student sent a zip.
    """

    owner: str
    place: str
    name: str
    data: bytes
    time: tuple[int, ...] = (2026, 11, 20, 12, 0, 0)
    packed: bytes = b""

    @property
    def path(self) -> str:
        return self.place.format(file=self.name)


@dataclass
class Download:
    files: list[File]
    beside: dict[str, bytes] = field(default_factory=dict)
    around: str = ""
    spoil: Callable[[bytes], bytes] = bytes
    tar: bool = False
    mutations: list[str] = field(default_factory=list)


def notebook(owner: str, draw: random.Random) -> bytes:
    content = sample.answered({"why": f"This is {owner}'s, {draw.random()}."})
    return json.dumps(content).encode()


def moodle(who: str) -> str:
    return f"{NAMES[who]}_{900 + NUMBER[who]}_assignsubmission_file/{{file}}"


def moodle_flat(who: str) -> str:
    return f"{NAMES[who]}_{900 + NUMBER[who]}_assignsubmission_file_{{file}}"


def canvas(who: str) -> str:
    first, _, last = NAMES[who].partition(" ")
    letters = "".join(each for each in (last + first).lower() if each.isalnum())
    return f"{letters}_{100 + NUMBER[who]}_{70_000 + NUMBER[who]}_{{file}}"


def canvas_late(who: str) -> str:
    return canvas(who).replace("_", "_LATE_", 1)


def blackboard(who: str) -> str:
    return f"HW 1_{who}01_attempt_2026-11-20-12-00-00_{{file}}"


def google(who: str) -> str:
    return f"{NAMES[who]} - {{file}}"


def github(who: str) -> str:
    return f"hw-submissions/hw-{who}01/{{file}}"


def folders(who: str) -> str:
    return f"{who}/{{file}}"


WRITERS = (moodle, moodle_flat, canvas, canvas_late, blackboard, google, github, folders)


# Mutations: each changes a download in place, and is called by what it does.


def other_file_name(download: Download, file: File, draw: random.Random) -> None:
    stem = "".join(draw.choices(PIECES, k=draw.randint(1, 4))).replace("/", "")
    file.name = f"{stem}.ipynb"


def name_in_pieces(download: Download, file: File, draw: random.Random) -> None:
    file.place = unicodedata.normalize("NFD", file.place)


def letter_lost(download: Download, file: File, draw: random.Random) -> None:
    at = draw.randrange(len(file.place.partition("{")[0]))
    file.place = file.place[:at] + file.place[at + 1 :]


def digit_changed(download: Download, file: File, draw: random.Random) -> None:
    digits = [at for at, sign in enumerate(file.place) if sign.isdigit()]
    if digits:
        at = draw.choice(digits)
        file.place = file.place[:at] + draw.choice("0123456789") + file.place[at + 1 :]


def name_decorated(download: Download, file: File, draw: random.Random) -> None:
    at = draw.randrange(len(file.place.partition("{")[0]))
    file.place = file.place[:at] + draw.choice((" ", "_", ".", "x")) + file.place[at:]


def cut_off(download: Download, file: File, draw: random.Random) -> None:
    file.data = file.data[: draw.randrange(len(file.data) + 1)]


def byte_changed(download: Download, file: File, draw: random.Random) -> None:
    if file.data:
        at = draw.randrange(len(file.data))
        file.data = file.data[:at] + bytes([draw.randrange(256)]) + file.data[at + 1 :]


def saved_elsewhere(download: Download, file: File, draw: random.Random) -> None:
    file.data = draw.choice((b"\xef\xbb\xbf", b"\n")) + file.data.replace(b"\n", b"\r\n")


def of_no_unit(download: Download, file: File, draw: random.Random) -> None:
    file.data = file.data.replace(b'"unit": "sample"', b'"unit": "other"')


def as_text(download: Download, file: File, draw: random.Random) -> None:
    file.name = file.name.removesuffix(".ipynb") + draw.choice((".ipynb.txt", ".json", ".txt"))


def as_a_zip(download: Download, file: File, draw: random.Random) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as inner:
        inner.writestr(draw.choice(("hw/x.ipynb", "ada/x.ipynb", "x.ipynb")), file.data)
    file.packed, file.data, file.name = file.data, held.getvalue(), "work.zip"


def handed_in_twice(download: Download, file: File, draw: random.Random) -> None:
    name = file.name.replace(".ipynb", f" ({draw.randint(1, 12)}).ipynb")
    when = (2026, 11, draw.randint(1, 30), 12, 0, 0)
    download.files.append(File(file.owner, file.place, name, notebook(file.owner, draw), when))


def the_same_twice(download: Download, file: File, draw: random.Random) -> None:
    download.files.append(File(file.owner, file.place, file.name, file.data, file.time))


def something_beside(download: Download, file: File, draw: random.Random) -> None:
    name = draw.choice(("report.pdf", "data.csv", "onlinetext.html", "x.py", "image.png"))
    download.files.append(File(file.owner, file.place, name, b"%PDF something", file.time))


def debris(download: Download, file: File, draw: random.Random) -> None:
    name = draw.choice(("__MACOSX/._x.ipynb", ".DS_Store", "Thumbs.db"))
    download.beside[name] = b"x"


def a_stranger(download: Download, file: File, draw: random.Random) -> None:
    place = file.place.replace(NAMES[file.owner], "Eve Stranger").replace(file.owner, "evelyn")
    if place != file.place:
        download.files.append(File("", place, file.name, notebook("nobody", draw)))


def wrapped(download: Download, file: File, draw: random.Random) -> None:
    download.around += draw.choice(("Homework/", "a/b/", "ada/", "2026 W/"))


def leads_elsewhere(download: Download, file: File, draw: random.Random) -> None:
    file.place = draw.choice(("../", "/", "a/../../", "C:\\", "..\\")) + file.place


def archive_cut_off(download: Download, file: File, draw: random.Random) -> None:
    share = draw.random()
    download.spoil = lambda data: data[: int(len(data) * share)]


def archive_byte_changed(download: Download, file: File, draw: random.Random) -> None:
    at, new = draw.random(), draw.randrange(256)
    download.spoil = lambda data: (
        data[: int(len(data) * at)] + bytes([new]) + data[int(len(data) * at) + 1 :]
    )


def as_a_tar(download: Download, file: File, draw: random.Random) -> None:
    download.tar = True


MUTATIONS = (
    *(other_file_name, other_file_name, name_in_pieces, letter_lost, digit_changed),
    *(name_decorated, cut_off, byte_changed, saved_elsewhere, of_no_unit, as_text, as_a_zip),
    *(handed_in_twice, the_same_twice, something_beside, debris, a_stranger, wrapped),
    *(leads_elsewhere, archive_cut_off, archive_byte_changed, as_a_tar),
)


def draw_download(draw: random.Random) -> Download:
    writer = draw.choice(WRITERS)
    some = draw.sample(sorted(NAMES), draw.randint(2, 4))
    files = [File(who, writer(who), "homework.ipynb", notebook(who, draw)) for who in some]
    download = Download(files)
    download.mutations.append(writer.__name__)
    for mutate in draw.sample(MUTATIONS, draw.randint(1, 3)):
        mutate(download, draw.choice(download.files), draw)
        download.mutations.append(mutate.__name__)
    return download


def pack(download: Download, folder: Path) -> Path:
    held = io.BytesIO()
    members = [(f"{download.around}{file.path}", file.data, file.time) for file in download.files]
    members += [(name, data, (2026, 11, 20, 12, 0, 0)) for name, data in download.beside.items()]
    if download.tar:
        with tarfile.open(fileobj=held, mode="w:gz") as tar:
            for name, data, _ in members:
                about = tarfile.TarInfo(name)
                about.size = len(data)
                tar.addfile(about, io.BytesIO(data))
    else:
        with zipfile.ZipFile(held, "w") as archive:
            for name, data, when in members:
                archive.writestr(zipfile.ZipInfo(name, when), data)  # type: ignore[arg-type]
    path = folder / ("download.tar.gz" if download.tar else "download.zip")
    path.write_bytes(download.spoil(held.getvalue()))
    return path


def faults_of(course: Path, download: Download, result: Collected) -> list[str]:
    """What is wrong with what came of a download."""
    found = []
    placed: dict[str, bytes] = {}
    for path in (course / "submitted").glob(f"*/{sample.UNIT}/*.ipynb"):
        who, data = path.parts[-3], path.read_bytes()
        placed[who] = data
        owners = {each for each in (*NAMES, "nobody") if f"This is {each}'s, ".encode() in data}
        owners |= {file.owner for file in download.files if data in (file.data, file.packed)}
        if who not in owners:
            found.append(f"somebody else's: {who} has {sorted(owners)}")
    if download.spoil is not bytes:
        return found  # what is in it is anybody's guess
    said = [line.file for line in result.lines] + [file for file, _ in result.left_out]
    said += [remark for line in result.lines for remark in line.remarks]
    everything = "\n".join(map(plain_line, said)) + "\n" + "\n".join(said)
    more = any(" more" in remark for line in result.lines for remark in line.remarks)
    for file in download.files:
        path = f"{download.around}{file.path}"
        ways = (path, plain_line(path), file.name, plain_line(file.name), path.lstrip("/"))
        if not more and not any(way in everything for way in ways):
            found.append(f"not named: {path!r}")
    for who in {file.owner for file in download.files if file.owner}:
        if who not in placed and not result.for_a_person:
            found.append(f"lost: nothing of {who} is in place, and nobody has to look")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--downloads", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # zipfile's, of names given twice
    counts: Counter[str] = Counter()
    faults: list[str] = []
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        course = sample.make_course(Path(name) / "course")
        (course / "roster.csv").write_text(ROSTER, encoding="utf-8")
        for seed in range(given.first, given.first + given.downloads):
            download = draw_download(random.Random(seed))
            for kind in ("submitted", ".course/origins"):
                shutil.rmtree(course / kind, ignore_errors=True)
            (course / "submitted").mkdir()
            try:
                result = collect(course, sample.UNIT, pack(download, Path(name)))
            except ValueError as refusal:
                counts["refused in one line"] += 1
                problems = ["more than one line"] if "\n" in str(refusal) else []
                if any((course / "submitted").iterdir()):
                    problems.append("refused, and something was put in place")
            except Exception as error:
                problems = [f"{type(error).__name__}: {error}"]
            else:
                counts["exit code 3" if result.for_a_person else "exit code 0"] += 1
                counts["notebooks taken"] += len(result.found)
                counts["files left out, named"] += len(result.left_out)
                problems = faults_of(course, download, result)
            counts["files"] += len(download.files)
            faults += [f"{seed} ({', '.join(download.mutations)}): {each}" for each in problems]
    seconds = time.monotonic() - begin
    text = report(given.downloads, counts, faults, seconds)
    print(text)
    if given.output:
        write_text(given.output, text)


def report(downloads: int, counts: Counter[str], faults: list[str], seconds: float) -> str:
    lines = [
        "# Downloads that were tampered with",
        "",
        f"{downloads:,} downloads, {date.today()}; written by `benchmarks/mutated_downloads.py`, "
        "which says how they are made and what is held against each.",
        "",
        "| what | how many |",
        "| --- | --- |",
        *(f"| {name} | {count:,} |" for name, count in sorted(counts.items())),
        f"| faults | {len(faults):,} |",
        "",
        f"- {seconds / downloads * 1000:.0f} ms a download; load of the machine "
        f"{os.getloadavg()[1]:.0f} (5 minutes), {os.cpu_count()} cores.",
        *(f"- {fault}" for fault in faults[:40]),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
