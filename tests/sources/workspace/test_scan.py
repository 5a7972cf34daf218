"""Check what scanning and hashing record, and what is never opened or followed."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest

from rdlake.domain.experiment import SourceFile
from rdlake.sources.workspace import hashing
from rdlake.sources.workspace.artifact_types import artifact_type
from rdlake.sources.workspace.hashing import HashedFiles, hash_files, open_file
from rdlake.sources.workspace.scan import MAX_DEPTH, scan_folder


def write(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def hashed(folder: Path) -> HashedFiles:
    return hash_files(scan_folder(folder))


def only(folder: Path) -> SourceFile:
    (file,) = hashed(folder).files
    return file


def levels(folder: Path) -> list[tuple[str, str | None]]:
    scanned = scan_folder(folder)
    found = (*scanned.findings, *hash_files(scanned).findings)
    return [(finding.level, finding.file) for finding in found]


def test_files_come_by_relative_path_with_size_and_digest(tmp_path: Path) -> None:
    write(tmp_path / "b" / "c.py", b"two")
    write(tmp_path / "a.txt", b"")
    first, second = hashed(tmp_path).files
    assert (first.path, first.size, first.artifact_type) == ("a.txt", 0, None)
    assert first.sha256 == hashlib.sha256(b"").hexdigest()
    assert (second.path, second.size, second.artifact_type) == ("b/c.py", 3, "code")
    assert second.sha256 == hashlib.sha256(b"two").hexdigest()
    assert second.state == "present"


def test_a_file_of_many_pieces_is_hashed_whole(tmp_path: Path) -> None:
    data = os.urandom(hashing.PIECE * 2 + 17)
    write(tmp_path / "big.bin", data)
    assert only(tmp_path).sha256 == hashlib.sha256(data).hexdigest()


def test_only_the_parsed_files_are_kept_in_memory(tmp_path: Path) -> None:
    write(tmp_path / "qlib_res.csv", b",0\n")
    write(tmp_path / "mlruns" / "qlib_res.csv", b"other")
    write(tmp_path / "model.py", b"code")
    write(tmp_path / "other.py", b"code")
    write(tmp_path / "mlruns" / "1" / "2" / "artifacts" / "pred.pkl", b"large")
    write(tmp_path / "mlruns" / "1" / "2" / "artifacts" / "task", b"small")
    assert dict(hashed(tmp_path).contents) == {
        "mlruns/1/2/artifacts/task": b"small",
        "model.py": b"code",
        "qlib_res.csv": b",0\n",
    }


def test_no_more_than_so_much_of_what_mlflow_recorded_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "MAX_RECORDED", 5)
    for number in range(4):
        write(tmp_path / "mlruns" / "1" / str(number) / "meta.yaml", b"abcd")
    found = hashed(tmp_path)
    assert len(found.contents) == 2
    assert all(file.sha256 for file in found.files)


def test_a_parsed_file_that_is_too_large_is_hashed_and_not_kept(tmp_path: Path) -> None:
    data = bytes(hashing.PARSED_FILES["qlib_res.csv"] + 1)
    write(tmp_path / "qlib_res.csv", data)
    found = hashed(tmp_path)
    assert not found.contents
    assert found.files[0].sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("target", ["outside/secret.txt", "gone", ".", "/etc/passwd"])
def test_a_link_is_recorded_and_never_followed(tmp_path: Path, target: str) -> None:
    write(tmp_path / "outside" / "secret.txt", b"secret")
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "daily_pv.h5").symlink_to(target)
    expected = SourceFile(
        path="daily_pv.h5", artifact_type=None, kind="link", size=None, sha256=None, target=target
    )
    assert only(folder) == expected
    assert expected.state == "present"
    assert levels(folder) == []


def test_a_linked_folder_is_not_entered(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "secret.txt")
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "mlruns").symlink_to(tmp_path / "outside")
    assert [(file.path, file.kind) for file in hashed(folder).files] == [("mlruns", "link")]


def test_a_link_in_the_folders_own_place_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "secret.txt")
    (tmp_path / "workspace").symlink_to(tmp_path / "outside")
    scanned = scan_folder(tmp_path / "workspace")
    assert not scanned.listed
    assert scanned.entries == ()


def test_a_file_that_became_a_link_is_not_read(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.txt", b"secret")
    folder = tmp_path / "workspace"
    file = write(folder / "qlib_res.csv", b",0\n")
    scanned = scan_folder(folder)
    file.unlink()
    file.symlink_to(secret)
    found = hash_files(scanned)
    assert not found.contents
    assert found.files[0].state == "unreadable"


def test_a_file_reached_through_a_swapped_folder_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "a.txt", b"secret")
    folder = tmp_path / "workspace"
    write(folder / "inner" / "a.txt", b"mine")
    scanned = scan_folder(folder)
    (folder / "inner").rename(tmp_path / "moved")
    (folder / "inner").symlink_to(tmp_path / "outside")
    found = hash_files(scanned)
    assert found.files[0].sha256 is None
    assert "replaced" in found.findings[0].reason


def test_a_vanished_file_is_unreadable_and_an_error(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt")
    scanned = scan_folder(tmp_path)
    file.unlink()
    found = hash_files(scanned)
    assert (found.files[0].state, found.files[0].size) == ("unreadable", 1)
    assert [(finding.level, finding.file) for finding in found.findings] == [("error", "a.txt")]
    assert str(tmp_path) not in found.findings[0].reason


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_what_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.txt").chmod(0)
    (tmp_path / "closed").mkdir(mode=0)
    assert levels(tmp_path) == [("error", "closed"), ("error", "a.txt")]


def test_a_missing_folder_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    scanned = scan_folder(tmp_path / "gone")
    assert not scanned.listed
    assert scanned.stat_digest != scan_folder(tmp_path).stat_digest
    assert [finding.level for finding in scanned.findings] == ["error"]


def test_a_pipe_and_a_socket_are_named_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(tmp_path)  # the path of a socket has little room
        server.bind("socket")
        assert sorted(levels(tmp_path)) == [("warning", "pipe"), ("warning", "socket")]
        assert hashed(tmp_path).files == ()


@pytest.mark.parametrize("name", ["a\nb.py", "it's.py", 'quote".py', "因子 α.py", "back\\slash.py"])
def test_odd_names_are_kept_as_they_are(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert only(tmp_path).path == name
    assert levels(tmp_path) == []


def test_a_name_that_is_not_utf8_is_recorded_readably_with_a_warning(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.py"
    with open(raw, "wb") as file:  # noqa: PTH123 - a path of bytes
        file.write(b"x")
    found = only(tmp_path)
    assert found.path == "caf\\xe9.py"
    assert found.sha256 == hashlib.sha256(b"x").hexdigest()
    assert found.path.encode().decode() == found.path
    assert levels(tmp_path) == [("warning", "caf\\xe9.py")]


def test_two_files_that_would_be_recorded_alike_are_reported(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/\xe9", "wb"):  # noqa: PTH123 - a path of bytes
        write(tmp_path / "\\xe9")
    assert len(hashed(tmp_path).files) == 1
    assert ("error", None) in levels(tmp_path)


def test_a_folder_that_is_too_deep_is_reported(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * (MAX_DEPTH - 1))
    write(deep / "seen.txt")
    write(deep / "d" / "unseen.txt")
    assert [Path(file.path).name for file in hashed(tmp_path).files] == ["seen.txt"]
    assert [level for level, _ in levels(tmp_path)] == ["error"]


def test_too_many_files_are_reported_and_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rdlake.sources.workspace.scan.MAX_ENTRIES", 10)
    for number in range(12):
        write(tmp_path / "d" / str(number))
    assert len(scan_folder(tmp_path).entries) == 9
    assert levels(tmp_path) == [("error", None)]


def test_a_folder_that_is_declined_is_not_listed(tmp_path: Path) -> None:
    write(tmp_path / "a" / "kept.txt")
    write(tmp_path / "a" / "secret" / "unseen.txt")
    scanned = scan_folder(tmp_path, enters=lambda path: path != "a/secret")
    assert [entry.path for entry in scanned.entries] == ["a/kept.txt"]
    assert "a/secret" not in scanned.subfolders


def test_the_limit_of_a_scan_can_be_set(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path / str(number))
    assert len(scan_folder(tmp_path, most=5).entries) == 5
    assert "more than 4 files" in scan_folder(tmp_path, most=4).findings[0].reason


def test_both_digests_stay_while_nothing_changes(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    first, second = scan_folder(tmp_path), scan_folder(tmp_path)
    assert first.stat_digest == second.stat_digest
    assert hash_files(first).source_digest == hash_files(second).source_digest


def test_a_rewritten_file_changes_the_stat_digest_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt")
    before, content = scan_folder(tmp_path).stat_digest, hashed(tmp_path).source_digest
    os.utime(file, (1, 1))
    assert scan_folder(tmp_path).stat_digest != before
    assert hashed(tmp_path).source_digest == content


@pytest.mark.parametrize("change", ["content", "name", "link", "target", "more"])
def test_every_change_of_content_changes_the_source_digest(tmp_path: Path, change: str) -> None:
    file = write(tmp_path / "a.txt")
    link = tmp_path / "link"
    link.symlink_to("a")
    before = hashed(tmp_path).source_digest
    if change == "content":
        write(file, b"y")
    elif change == "name":
        file.rename(tmp_path / "b.txt")
    elif change == "link":
        file.unlink()
        file.symlink_to("x")
    elif change == "target":
        link.unlink()
        link.symlink_to("b")
    else:
        write(tmp_path / "b.txt", b"")
    assert hashed(tmp_path).source_digest != before


def test_a_folder_is_no_file_to_open(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        open_file(str(tmp_path))


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("qlib_res.csv", "backtest_metrics"),
        ("ret.parquet", "backtest_curve"),
        ("ret.pkl", "backtest_curve"),
        ("ret_curve.png", "backtest_curve_image"),
        ("dd_curve.png", "backtest_curve_image"),
        ("combined_factors_df.parquet", "feature_set"),
        ("result.h5", "factor_data"),
        ("signals.parquet", "signals"),
        ("ret_schema.json", "ret_schema"),
        ("factor_meta.json", "factor_meta"),
        ("factor_perf.json", "factor_perf"),
        ("feedback.json", "feedback"),
        ("strategy_meta.json", "strategy_meta"),
        ("model_meta.json", "model_meta"),
        ("manifest.json", "report"),
        ("conf_baseline.yaml", "config_snapshot"),
        ("mlruns/1/meta.yaml", None),
        ("factor.py", "code"),
        ("model.pkl", "model"),
        ("mlruns/1/2/artifacts/params.pkl", "model"),
        ("mlruns/1/2/artifacts/pred.pkl", "signals"),
        ("mlruns/1/2/artifacts/label.pkl", None),
        ("mlruns/1/2/params/model.class", None),
        ("run.log", "log"),
        ("README.md", None),
        ("tmp/qlib_res.csv", None),
    ],
)
def test_a_file_has_the_protocols_word_for_its_purpose(path: str, word: str | None) -> None:
    assert artifact_type(path) == word
