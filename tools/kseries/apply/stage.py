# SPDX-License-Identifier: GPL-2.0
"""Stage apply: a commit for each patch of the stack, then the worktree moved to the last.

Patches are applied to an index of their own, strictly, as `git am` does it. A three-way merge is
not tried: whether it works depends on what else lies in the repository, and the answer must
follow from base and patches alone. So the commits depend on nothing else either (author and date
of the mail), and the same stack gives the same ids everywhere. The worktree is touched when all
patches are in; a conflict leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.apply import already_applied, apply_cache, conflict, worktree
from kseries.apply.apply_cache import Outcome
from kseries.apply.conflict import PatchConflict
from kseries.lib import atomicfile, diskspace
from kseries.lib.diskspace import MIB, Need
from kseries.lib.errors import InfraError, UserError
from kseries.lib.gitrepo import GITLINK, Answer, Repository
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.model import AppliedPatch, BaseTree, Patch, PatchState, Series, Stack, Tree
from kseries.series.mailpatch import Mail, read_mail

REJECTS = "rejects"
# Bytes of a checked out kernel, and how many there are for one of a pack without history.
WORKTREE_SIZE = 1800 * MIB
PACK_FACTOR = 6


@dataclass(frozen=True)
class _Place:
    """A patch and its series."""

    series: Series
    patch: Patch

    @property
    def label(self) -> str:
        """How people call it."""
        count = max(self.series.posted, len(self.series.patches))
        return f"patch {self.patch.index} of {count} of {self.series.name}, '{self.patch.title}'"

    def became(self, outcome: Outcome) -> AppliedPatch:
        """Give the record of what became of it."""
        return AppliedPatch(
            series=self.series.name,
            index=self.patch.index,
            title=self.patch.title,
            patch_id=outcome.patch_id,
            state=outcome.state,
            commit=outcome.head if outcome.state is PatchState.APPLIED else "",
            found_as=outcome.found_as,
            sha256=self.patch.sha256,
        )


def apply(
    base: BaseTree, stack: Stack, tree_folder: Path, run: RunFolder, progress: Progress
) -> Tree:
    """Apply the stack's patches to the base and bring the worktree `tree_folder` to the result.

    The caller holds the lock of `tree_folder`. Raises PatchConflict, with the patches that were
    applied before; the worktree is as it was then. Raises UserError when a patch file changed since
    it was read.
    """
    repository = Repository(base.repo)
    if not repository.commit_of(base.commit):
        raise InfraError(
            "The imported source is not in the cache any more.",
            where=f"{base.repo}: {base.commit}",
            do="start over from the stage fetch",
        )
    _refuse_submodules(repository, base)
    places = [_Place(series, patch) for series in stack.series for patch in series.patches]
    with atomicfile.disk_errors(tree_folder):
        with worktree.scratch(tree_folder) as scratch:
            applier = _Applier(repository, base.commit, scratch, run, progress)
            known = applier.recall(places)
            for number, place in enumerate(places[known:], known):
                progress.update(place.patch.title, done=number, total=len(places))
                applier.add(place)
        if not tree_folder.exists():
            diskspace.require([Need(tree_folder, _worktree_size(repository), "a worktree")])
        worktree.move(repository, tree_folder, applier.head, run.log("apply"), progress)
    return Tree(path=tree_folder, base=base, head=applier.head, patches=tuple(applier.done))


def _refuse_submodules(repository: Repository, base: BaseTree) -> None:
    found = repository.submodules(base.commit)
    if found:
        raise UserError(
            "The kernel source has a submodule, which no kernel has.",
            where=f"{base.source.name}: {found[0]}",
            do="take it out of the source; git would run what its configuration says",
        )


class _Applier:
    """The commits made so far. head: the last of them; done: what became of each patch."""

    def __init__(
        self,
        repository: Repository,
        base: str,
        scratch: Path,
        run: RunFolder,
        progress: Progress,
    ) -> None:
        self.head = base
        self.done: list[AppliedPatch] = []
        self._base = base
        self._repository = repository.with_index(scratch / "index")
        self._scratch = scratch
        self._run = run
        self._progress = progress
        self._key = apply_cache.start_key(base)
        self._indexed = ""  # the commit whose tree the index holds

    def recall(self, places: Sequence[_Place]) -> int:
        """Take over what became of the first patches in an earlier run; tell of how many."""
        key = self._key
        outcomes = []
        for place in places:
            key = apply_cache.next_key(key, place.patch.sha256)
            outcome = apply_cache.recall(self._repository, key)
            if outcome is None:
                break
            outcomes.append(outcome)
        if outcomes and not self._repository.commit_of(outcomes[-1].head):
            return 0
        for place, outcome in zip(places, outcomes, strict=False):
            self._take(place, outcome)
        return len(outcomes)

    def add(self, place: _Place) -> None:
        """Apply a patch. Raises PatchConflict."""
        outcome = self._apply(place)
        self._take(place, outcome)
        apply_cache.remember(self._repository, self._key, outcome)

    def _take(self, place: _Place, outcome: Outcome) -> None:
        self._key = apply_cache.next_key(self._key, place.patch.sha256)
        self.head = outcome.head
        for note in outcome.notes:
            self._progress.note(f"{place.label}: {note}")
        self.done.append(place.became(outcome))

    def _apply(self, place: _Place) -> Outcome:
        mail = read_mail(self._repository, place.patch, self._scratch)
        if self._indexed != self.head:
            self._repository.text("read-tree", self.head)
            self._indexed = self.head
        answer = self._to_index(mail)
        if answer.ok:
            return self._commit(place, mail)
        patch_id = self._repository.patch_id(mail.diff)
        stacked = {patch.patch_id: patch.commit for patch in self.done if patch.commit}
        log = self._run.log("apply")
        found_as = already_applied.find(self._repository, self._base, mail, patch_id, stacked, log)
        if found_as:
            return self._in_base(patch_id, found_as)
        raise self._conflict(place, mail, patch_id, answer.stderr)

    def _to_index(self, mail: Mail) -> Answer:
        return self._repository.ask("apply", "--cached", mail.diff)

    def _commit(self, place: _Place, mail: Mail, *notes: str) -> Outcome:
        tree = self._repository.text("write-tree")
        patch_id = self._repository.patch_id(mail.diff)
        linked = self._repository.submodules_added(self.head, tree)
        if linked:
            raise self._failed(
                place,
                patch_id,
                f"it adds a submodule (mode {GITLINK}): {linked[0]}",
                "take that file out of the patch; kernel trees have no submodules, and git on"
                " this machine would run what the configuration of one says",
            )
        if tree == self._repository.tree_of(self.head):
            return self._in_base(patch_id, "no change")
        commit = self._repository.commit_tree(
            tree, message=mail.message, parent=self.head, author=mail.author, date=mail.date
        )
        self._indexed = commit
        return Outcome(commit, PatchState.APPLIED, patch_id, notes=notes)

    def _in_base(self, patch_id: str, found_as: str) -> Outcome:
        note = f"is already in the base ({found_as})"
        return Outcome(self.head, PatchState.IN_BASE, patch_id, found_as, (note,))

    def _conflict(self, place: _Place, mail: Mail, patch_id: str, said: str) -> PatchConflict:
        copies = self._scratch / "rejects"
        copies.mkdir()
        explanation = conflict.explain(self._repository, mail, said, copies)
        folder = self._run.path / REJECTS / f"{place.series.name}-{place.patch.index:04}"
        conflict.save(explanation, said, mail, copies, folder)
        where = f"{explanation.text()}\nin full: {folder}"
        return self._failed(place, patch_id, where, explanation.do)

    def _failed(self, place: _Place, patch_id: str, where: str, do: str) -> PatchConflict:
        applied = sum(patch.state is PatchState.APPLIED for patch in self.done)
        lost = place.became(Outcome(self.head, PatchState.CONFLICT, patch_id))
        return PatchConflict(
            f"P{place.label[1:]}, does not apply.",
            where=f"{where}\napplied before it: {applied}; patch file: {place.patch.file}",
            do=do,
            patches=(*self.done, lost),
        )


def _worktree_size(repository: Repository) -> int:
    """Estimate the bytes of a checkout from the packs, which hold a history at times."""
    packed = sum(pack.stat().st_size for pack in (repository.path / "objects").glob("pack/*.pack"))
    return min(PACK_FACTOR * packed, WORKTREE_SIZE)
