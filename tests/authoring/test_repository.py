"""Addresses of repositories, and commits made beside the working tree."""

import subprocess

import pytest

from helpers.authoring.repository import Repository, web_address


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/uni/course", "https://github.com/uni/course"),
        ("https://github.com/uni/course.git", "https://github.com/uni/course"),
        ("https://github.com/uni/course/", "https://github.com/uni/course"),
        ("git@github.com:uni/course.git", "https://github.com/uni/course"),
        ("ssh://git@github.com/uni/course.git", "https://github.com/uni/course"),
        ("git://github.com/uni/course.git", "https://github.com/uni/course"),
        ("https://ada:secret@github.com/uni/course.git", "https://github.com/uni/course"),
        ("https://oauth2:glpat-1@gitlab.com/a/b/course.git", "https://gitlab.com/a/b/course"),
        (
            "git@gitlab.uni.example:teach/2026/course.git",
            "https://gitlab.uni.example/teach/2026/course",
        ),
        ("ssh://git@git.uni.example:2222/course.git", "https://git.uni.example/course"),
        ("https://git.uni.example:8443/course.git", "https://git.uni.example:8443/course.git"),
        ("http://127.0.0.1:8000/course.git", "http://127.0.0.1:8000/course.git"),
    ],
)
def test_an_address_is_what_a_browser_opens(remote, address):
    assert web_address(remote) == address


@pytest.mark.parametrize(
    "remote",
    [
        "/srv/git/course.git",
        "../course.git",
        "file:///srv/git/course.git",
        "github-work:uni/course.git",
        "https://github.com",
        'https://github.com/uni/"course"',
        "https://github.com/uni/a course",
        "",
    ],
)
def test_what_students_do_not_reach_is_no_address(remote):
    with pytest.raises(ValueError, match="no address that students reach: give --address"):
        web_address(remote)


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    git("config", "user.name", "Ada")
    git("config", "user.email", "ada@uni.example")
    (tmp_path / "one.txt").write_text("1\n")
    (tmp_path / "two.txt").write_text("2\n")
    git("add", "--all")
    git("commit", "--message", "first")
    return Repository.at(tmp_path)


def listed(repository, commit):
    return repository.git("ls-tree", "-r", "--name-only", commit).split()


def test_a_commit_leaves_tree_index_and_branches_as_they_are(repository):
    head = repository.commit_of("HEAD")
    (repository.folder / "three.txt").write_text("staged\n")
    repository.git("add", "three.txt")
    made = repository.commit({"a/b.txt": "new\r\n"}, "beside", onto=head, parents=[head])
    assert listed(repository, made) == ["a/b.txt", "one.txt", "two.txt"]
    assert repository.git("cat-file", "-s", f"{made}:a/b.txt") == "5"
    assert repository.commit_of("HEAD") == head
    assert repository.git("status", "--porcelain") == "A  three.txt"


def test_a_commit_onto_nothing_holds_its_files_alone_and_has_no_history(repository):
    made = repository.commit({"only.txt": "1"}, "alone")
    assert listed(repository, made) == ["only.txt"]
    assert repository.git("rev-list", made) == made
    assert not repository.shares_history(made, "HEAD")


def test_moving_brings_files_and_refs(repository):
    head = repository.commit_of("HEAD")
    made = repository.commit({"one.txt": "new"}, "next", onto=head, parents=[head])
    repository.move_to(made, {"refs/tags/v1.0.0": made})
    assert (repository.folder / "one.txt").read_text() == "new"
    assert repository.commit_of("v1.0.0") == repository.commit_of("main") == made
    assert repository.changes() == []


def test_where_a_file_is_in_the_way_nothing_is_moved(repository):
    head = repository.commit_of("HEAD")
    made = repository.commit({"new.txt": "new"}, "next", onto=head, parents=[head])
    (repository.folder / "new.txt").write_text("mine")
    with pytest.raises(ValueError, match="git merge"):
        repository.move_to(made, {"refs/tags/v1.0.0": made})
    assert (repository.folder / "new.txt").read_text() == "mine"
    assert repository.commit_of("HEAD") == head
    assert repository.commit_of("v1.0.0") == ""


def test_where_the_branch_went_on_meanwhile_nothing_is_moved(repository):
    head = repository.commit_of("HEAD")
    made = repository.commit({"one.txt": "new"}, "next", onto=head, parents=[head])
    repository.git("commit", "--allow-empty", "--message", "meanwhile")
    with pytest.raises(ValueError, match="git merge"):
        repository.move_to(made, {"refs/tags/v1.0.0": made, "refs/heads/students": made})
    assert repository.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_a_folder_that_is_no_repository(tmp_path):
    with pytest.raises(ValueError, match="is not the top folder of a git repository"):
        Repository.at(tmp_path)


def test_a_repository_without_a_commit(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    with pytest.raises(ValueError, match="nothing is committed"):
        Repository.at(tmp_path)
