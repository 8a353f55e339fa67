# SPDX-License-Identifier: GPL-2.0
"""What a version, a job and an answer can be. The values stand in the store."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a mail is."""

    PATCH = "patch"
    COVER = "cover"
    REPLY = "reply"
    OTHER = "other"


class State(StrEnum):
    """How far a version of a series has come."""

    GATHERING = "gathering"  # parts may still be under way
    INCOMPLETE = "incomplete"  # waited long enough; goes on when what is missing comes
    IGNORED = "ignored"  # no rule takes it
    BROKEN = "broken"  # its mails make no series
    REFUSED = "refused"  # too large, or of somebody who is refused
    HELD = "held"  # until an operator releases it
    QUEUED = "queued"  # has a job, or waits for one
    RUNNING = "running"
    JUDGED = "judged"  # has a result
    GIVEN_UP = "given up"  # the engine lost it too often
    REPLACED = "replaced"  # a later version came
    REPEATED = "repeated"  # the same patches as an earlier one


class JobState(StrEnum):
    """How far a job has come."""

    WAITING = "waiting"  # for its turn
    SUBMITTING = "submitting"  # in the outbox: the engine may have it, or not
    SUBMITTED = "submitted"  # the engine has it
    ENDED = "ended"  # there is a result
    CANCELLED = "cancelled"  # a later version came
    LOST = "lost"  # submitted as often as is allowed


OPEN_JOBS = (JobState.WAITING, JobState.SUBMITTING, JobState.SUBMITTED)


class AnswerState(StrEnum):
    """How far an answer has come."""

    WRITTEN = "written"  # to be delivered
    DELIVERED = "delivered"
    WITHHELD = "withheld"  # nobody wants it; note says why
    FAILED = "failed"  # cannot be delivered; note says why
