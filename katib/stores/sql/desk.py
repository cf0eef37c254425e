"""What a server keeps beside studies: answers to requests that carry a key, and tokens."""

from dataclasses import asdict

from katib.stores import rules
from katib.stores.contract import REPLIES_KEPT, Receipt, Reply, Token
from katib.stores.sql import statements as sql
from katib.stores.sql.database import Work
from katib.stores.sql.rows import token_row


def claim_reply(work: Work, key: str, digest: str, *, now: float, until: float) -> Reply | None:
    """See `Store.claim_reply`."""
    work.run(sql.DELETE_OLD_REPLIES, {"before": now - REPLIES_KEPT})
    found = work.one(sql.REPLY, key_digest=rules.key_digest(key))
    if found is not None:
        known = Reply(digest=found[0], status=found[1], body=found[2])
        if known.status or known.body or found[3] > now:
            return known
        work.run(sql.DELETE_CLAIM, {"key_digest": rules.key_digest(key)})
    work.run(sql.INSERT_REPLY, _parameters(key, Reply(digest=digest), until))
    return None


def hold_reply(work: Work, key: str, *, until: float) -> None:
    """See `Store.hold_reply`."""
    work.run(sql.HOLD_CLAIM, {"key_key_digest": rules.key_digest(key), "new_until": until})


def keep_reply(work: Work, key: str, reply: Reply, *, now: float) -> None:
    """See `Store.keep_reply`."""
    row = {"key_key_digest": rules.key_digest(key), **_parameters(key, reply, now)}
    if not work.run(sql.UPDATE_REPLY, row):
        work.run(sql.INSERT_REPLY, _parameters(key, reply, now))


def drop_reply(work: Work, key: str) -> None:
    """See `Store.drop_reply`."""
    work.run(sql.DELETE_CLAIM, {"key_digest": rules.key_digest(key)})


def put_receipt(work: Work, receipt: Receipt) -> None:
    """See `Changes.receipt`."""
    row = {"key_key_digest": rules.key_digest(receipt.key), "text": rules.kept(receipt.text)}
    if not work.run(sql.PUT_RECEIPT, row):
        raise rules.done_already()


def add_token(work: Work, token: Token) -> None:
    """See `Store.add_token`."""
    if work.one(sql.TOKEN, id=token.id) is not None:
        raise rules.token_taken(token.id)
    work.run(sql.INSERT_TOKEN, {**asdict(token), "note": rules.kept(token.note)})


def tokens(work: Work) -> list[Token]:
    """See `Store.tokens`."""
    return [token_row(row) for row in work.all(sql.TOKENS)]


def token(work: Work, token_id: str) -> Token:
    """See `Store.token`."""
    row = work.one(sql.TOKEN, id=rules.kept(token_id))
    if row is None:
        raise rules.no_token(token_id)
    return token_row(row)


def delete_token(work: Work, token_id: str) -> None:
    """See `Store.delete_token`."""
    if not work.run(sql.DELETE_TOKEN, {"id": rules.kept(token_id)}):
        raise rules.no_token(token_id)


def _parameters(key: str, reply: Reply, until: float) -> dict[str, object]:
    return {
        "key_digest": rules.key_digest(key),
        "digest": reply.digest,
        "status": reply.status,
        "body": rules.kept(reply.body),
        "until": until,
    }
