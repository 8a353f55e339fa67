# SPDX-License-Identifier: GPL-2.0
"""The one door to git: bare repositories of our own, and worktrees that belong to them.

What a repository answers must follow from its content alone, and nothing in a tree may make git
start a program. So the user's and the system's configuration, hooks, ignore files, file system
monitors, filters, submodules and GIT_* variables are kept out; only `remote_work` lets the
configuration in, because a fetch may need the user's credentials, proxies and ssh settings. It has
no worktree.

Short commands go through GitPython; long ones go through `proc`, which logs them and ends them
with us. GitPython's exceptions do not leave this module: `GitError` carries git's own words.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import git

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.lib.proc import LineSink

IDENTITY = ("kseries", "kseries@localhost")
FIXED_DATE = "@946684800 +0000"
"""2000-01-01: the date of commits that have none of their own, so that clones agree on ids."""

# Settings of a repository of ours; nothing else configures it.
_CONFIG = """\
[core]
	repositoryformatversion = 0
	bare = true
	filemode = true
	compression = 1
	quotePath = false
	hooksPath = /dev/null
	excludesFile = /dev/null
	attributesFile = /dev/null
[gc]
	auto = 0
[maintenance]
	auto = false
[commit]
	gpgSign = false
[advice]
	detachedHead = false
"""

GITLINK = "160000"
"""The mode of a submodule in a tree."""

_SEALED = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "LANGUAGE": "C",
}
_OPEN = {name: value for name, value in _SEALED.items() if "CONFIG" not in name}

# What no configuration of a repository overrides: git starts no program but its own, and never
# enters a repository that lies in a tree (a submodule, which has a configuration of its own).
_HARMLESS = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.pager": "cat",
    "core.sshCommand": "false",
    "core.untrackedCache": "false",
    "diff.ignoreSubmodules": "all",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "protocol.allow": "never",
    "submodule.recurse": "false",
}
_SETTINGS = [word for name, value in _HARMLESS.items() for word in ("-c", f"{name}={value}")]

# Variables that say which repository is meant: set in hooks and in `git rebase --exec`. A fetch
# drops these only, other commands drop every GIT_* variable.
_PLACE = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DEFAULT_HASH",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)

_DISK_FULL = (
    "No space left on device",
    "Out of diskspace",
    "Disk quota exceeded",
    "File too large",
)


_NAMES_CHANGED = ("diff-tree", "-r", "-z", "--no-renames", "--name-only")


class GitError(InfraError):
    """git failed. `said` holds its own words."""

    def __init__(self, what: str, *, where: str, said: str, do: str = "") -> None:
        super().__init__(what, where=where, do=do)
        self.said = said


@dataclass(frozen=True)
class Answer:
    """How a short git command ended: its exit status and what it printed."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def ok(self) -> bool:
        """Whether the exit status was 0."""
        return self.status == 0

    @property
    def text(self) -> str:
        """What it printed, decoded, without white space around it."""
        return self.stdout.decode(errors="surrogateescape").strip()

    @property
    def entries(self) -> list[str]:
        """What a command with `-z` printed, cut at the zero bytes, decoded as file names."""
        return [os.fsdecode(entry) for entry in self.stdout.split(b"\0") if entry]


@dataclass(frozen=True)
class Repository:
    """A bare repository, or a worktree of one.

    path: the git folder. work_tree: where its files are, None for a bare one. index: an index
    file other than git's own place for it.
    """

    path: Path
    work_tree: Path | None = None
    index: Path | None = None

    def with_index(self, index: Path) -> Repository:
        """Give the same repository, working on another index file."""
        return replace(self, index=index)

    def at(self, work_tree: Path) -> Repository:
        """Give the same repository, working on the files of a folder."""
        return replace(self, work_tree=work_tree)

    def argv(self, *words: str | Path) -> list[str]:
        """Give the command line of a git command in this repository."""
        place = [f"--git-dir={self.path}"]
        if self.work_tree is not None:
            place.append(f"--work-tree={self.work_tree}")
        return ["git", *place, *map(str, words)]

    def sealed_argv(self, *words: str | Path) -> list[str]:
        """Give the command line as it is run: with no setting and no variable of the caller's."""
        program, *rest = self.argv(*words)
        return [*_forget(_strangers()), program, *_SETTINGS, *rest]

    def environment(self) -> dict[str, str]:
        """Give the variables that seal a command of this repository."""
        return {**_SEALED, **({"GIT_INDEX_FILE": str(self.index)} if self.index else {})}

    def ask(
        self,
        *words: str | Path,
        stdin: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Answer:
        """Run a short command, whatever its exit status. stdin: a file it reads."""
        argv = self.sealed_argv(*words)
        variables = {**self.environment(), **(env or {})}
        runner = git.Git(self.work_tree or self.path)
        try:
            with Path(stdin or os.devnull).open("rb") as source:
                status, stdout, stderr = runner.execute(
                    argv,
                    istream=source,
                    env=variables,
                    with_extended_output=True,
                    with_exceptions=False,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                )
        except git.GitError as error:
            raise GitError("git cannot be run.", where=str(self.path), said=str(error)) from error
        return Answer(status, stdout, stderr)

    def text(
        self,
        *words: str | Path,
        stdin: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Run a short command and give what it prints, stripped. Raises GitError."""
        return self._answered(words, stdin, env).text

    def entries(self, *words: str | Path) -> list[str]:
        """Run a short command with `-z` and give the names it prints. Raises GitError."""
        return self._answered(words, None, None).entries

    def work(
        self,
        *words: str | Path,
        deadline: Deadline,
        log: Path | None = None,
        stdin: Path | None = None,
        on_line: LineSink | None = None,
        check: bool = True,
    ) -> proc.Completed:
        """Run a long command, logged, ended with us. Raises GitError when `check` is set."""
        argv = self.sealed_argv(*words)
        done = self._run(argv, self.environment(), deadline, log, stdin, on_line)
        if check and not done.ok:
            raise failure(self.argv(*words), done.returncode, done.output)
        return done

    def remote_work(
        self,
        *words: str | Path,
        deadline: Deadline,
        log: Path | None = None,
        on_line: LineSink | None = None,
    ) -> proc.Completed:
        """Run a command that talks to a remote, with the user's configuration; any status."""
        strangers = [name for name in _PLACE if name in os.environ]
        argv = [*_forget(strangers), *self.argv(*words)]
        return self._run(argv, _OPEN, deadline, log, None, on_line)

    def _run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        deadline: Deadline,
        log: Path | None,
        stdin: Path | None,
        on_line: LineSink | None,
    ) -> proc.Completed:
        with Path(stdin or os.devnull).open("rb") as source:
            return proc.run(
                argv,
                cwd=self.work_tree or self.path,
                deadline=deadline,
                env=env,
                stdin=source,
                log=log,
                on_line=on_line,
                check=False,
            )

    def _answered(
        self, words: Sequence[str | Path], stdin: Path | None, env: Mapping[str, str] | None
    ) -> Answer:
        answer = self.ask(*words, stdin=stdin, env=env)
        if not answer.ok:
            raise failure(self.argv(*words), answer.status, answer.stderr)
        return answer

    def commit_of(self, name: str) -> str:
        """Give the 40 digits of a commit, "" where it, or its tree, is not there."""
        answer = self.ask(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
        if not answer.ok or not self.ask("cat-file", "-e", f"{answer.text}^{{tree}}").ok:
            return ""
        return answer.text

    def submodules(self, commit: str) -> list[str]:
        """Name the paths at which a commit has a submodule."""
        entries = self.entries("ls-tree", "-r", "-z", "--full-tree", commit)
        return [entry.partition("\t")[2] for entry in entries if entry.startswith(GITLINK)]

    def submodules_added(self, before: str, after: str) -> list[str]:
        """Name the paths at which one tree has a submodule that the other has not, or not so."""
        entries = self.entries("diff-tree", "-r", "-z", "--ignore-submodules=none", before, after)
        # ":000000 160000 0000… 1234… A", then the path
        pairs = zip(entries[::2], entries[1::2], strict=True)
        return [path for meta, path in pairs if meta.split(" ")[1] == GITLINK]

    def changed_between(self, before: str, after: str) -> list[str]:
        """Name the files that differ between two commits or trees; one that moved is two."""
        return self.entries(*_NAMES_CHANGED, before, after)

    def changed_by(self, commit: str) -> list[str]:
        """Name the files that a commit changes; one that it moves is two."""
        return self.entries(*_NAMES_CHANGED, "--no-commit-id", commit)

    def tree_of(self, name: str) -> str:
        """Give the 40 digits of the tree of a commit or path (`commit:folder`)."""
        return self.text("rev-parse", "--verify", "--end-of-options", f"{name}^{{tree}}")

    def file_at(self, commit: str, path: str) -> bytes | None:
        """Give the content of a file in a commit, None where there is none."""
        answer = self.ask("cat-file", "blob", f"{commit}:{path}")
        return answer.stdout if answer.ok else None

    def commit_tree(
        self,
        tree: str,
        *,
        message: Path,
        parent: str = "",
        author: tuple[str, str] = IDENTITY,
        date: str = FIXED_DATE,
    ) -> str:
        """Make a commit that depends on its arguments alone; give its id.

        message: a file with the whole message. date: of author and committer, as git reads it.
        """
        parents = ["-p", parent] if parent else []
        identity = {
            "GIT_AUTHOR_NAME": author[0],
            "GIT_AUTHOR_EMAIL": author[1],
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_NAME": IDENTITY[0],
            "GIT_COMMITTER_EMAIL": IDENTITY[1],
            "GIT_COMMITTER_DATE": date,
        }
        return self.text("commit-tree", *parents, "-F", message, tree, env=identity)

    def patch_id(self, diff: Path) -> str:
        """Give `git patch-id --stable` of a diff; "" when it has no hunk to take it of."""
        words = self.text("patch-id", "--stable", stdin=diff).split()
        return words[0] if words else ""


def create(path: Path) -> Repository:
    """Make an empty bare repository in an empty or new folder."""
    path.mkdir(parents=True, exist_ok=True)
    repository = Repository(path)
    repository.text("init", "--quiet", "--bare", "--template=", "--initial-branch=source")
    (path / "config").write_text(_CONFIG)
    return repository


def of_worktree(folder: Path) -> Repository:
    """Give the repository of a worktree that we made: its .git is ours, or a git folder."""
    link = folder / ".git"
    if link.is_dir():
        return Repository(link, work_tree=folder)
    return Repository(Path(link.read_text().removeprefix("gitdir: ").strip()), work_tree=folder)


def failure(argv: Sequence[str], status: int, said: str) -> GitError:
    """Make the error for a git command that failed; a full disk is named as such."""
    command = proc.command_text(argv)
    where = "\n".join([command, *(f"| {line}" for line in said.splitlines()[-proc.TAIL_LINES :])])
    if any(sign in said for sign in _DISK_FULL):
        return GitError(
            "The disk is full.",
            where=where,
            said=said,
            do="free some space there (`kseries cache clear` drops what can be rebuilt), then"
            " try again",
        )
    return GitError(f"git failed with exit status {status}.", where=where, said=said)


def _strangers() -> list[str]:
    return [name for name in os.environ if name.startswith("GIT_") and name != "GIT_EXEC_PATH"]


def _forget(names: Sequence[str]) -> list[str]:
    # Neither GitPython nor proc can take a variable away; env(1) can.
    if not names:
        return []
    return ["env", *(word for name in names for word in ("-u", name))]
