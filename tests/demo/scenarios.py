"""The demo's runs: what a client does to each, and how it has to end.

A scenario is a name and a function of an Actor; it starts one run or a few and sees them through.
"""

UNICODE_DATA = "/usr/share/unicode/UnicodeData.txt"

STOCK = {"tea": 500, "kettle": 3}
ORDERS_PAID, ORDERS_LARGE, ORDERS_REFUSED, ORDERS_SHORT, ORDERS_CANCELLED = 10, 4, 2, 2, 2
CHARGES, CHARGES_DECLINED, CHARGES_UNPAID = 8, 2, 1
SERVICES = ["shop", "search", "mail"]
APPROVALS_AT_ONCE, APPROVALS_ESCALATED, APPROVALS_UNANSWERED, APPROVALS_WITHDRAWN = 4, 3, 1, 2
IMPORTS = 3


def order(number, total, sku, quantity, steps, status):
    run = f"order-{number}"

    def play(actor):
        actor.start(run, "order-fulfilment",
                    {"order_id": run, "sku": sku, "quantity": quantity, "total": total})
        for name, payload, state in steps:
            if state:
                actor.reach(run, state)
            actor.signal(run, name, payload)
        actor.close(run, status)

    return run, play


def orders():
    paid = ("paid", {"reference": "bank"}, None)
    approve = lambda ok: ("approval", {"ok": ok, "by": "ann"}, "approval")
    plans = ([(40, "tea", 2, [paid], "completed")] * ORDERS_PAID +
             [(4000, "tea", 5, [paid, approve(True)], "completed")] * ORDERS_LARGE +
             [(4000, "tea", 5, [paid, approve(False)], "failed")] * ORDERS_REFUSED +
             [(90, "kettle", 4, [paid], "failed")] * ORDERS_SHORT +
             [(40, "tea", 1, [("cancel", None, "created")], "cancelled")] * ORDERS_CANCELLED)
    return [order(number, *plan) for number, plan in enumerate(plans, start=1)]


def charge(number, card, newer, status):
    run = f"invoice-{number}"

    def play(actor):
        actor.start(run, "billing-retries",
                    {"invoice": run, "card": card, "cents": 100 * number, "patience": "2s" if status == "failed" else "1h"})
        if newer:
            actor.reach(run, "waiting")
            actor.signal(run, "card_updated", {"card": newer})
        actor.close(run, status)

    return run, play


def charges():
    plans = ([("good", None, "completed")] * CHARGES + [("declined", "better", "completed")] * CHARGES_DECLINED +
             [("declined", None, "failed")] * CHARGES_UNPAID)
    return [charge(number, *plan) for number, plan in enumerate(plans, start=1)]


def rollouts(service):
    """Three releases of one service, one after the other: promoted, sick, refused or forgotten."""
    last = {"shop": "refuse", "search": "forget", "mail": "promote"}[service]

    def release(actor, version, healthy, decision):
        run = f"{service}-{version}"
        actor.start(run, "deployment-rollout",
                    {"service": service, "version": version, "healthy": healthy,
                     "patience": "1s" if decision == "forget" else "1h"})
        if healthy:
            if decision != "forget":
                actor.reach(run, "approval")
                actor.signal(run, "promote", {"ok": decision == "promote", "by": "ann"})
        actor.close(run, "completed" if healthy and decision == "promote" else "failed")

    def play(actor):
        release(actor, "1.0", True, "promote")
        release(actor, "1.1", False, "promote")
        release(actor, "1.2", True, last)

    return f"{service} releases", play


def current_versions():
    """Where the symbolic links have to point in the end."""
    return {"shop": "releases/1.0", "search": "releases/1.0", "mail": "releases/1.2"}


def approval(number, kind):
    run = f"expense-{number}"
    patience = {"escalated": "2s", "unanswered": "1s"}.get(kind, "1h")

    def play(actor):
        actor.start(run, "approval-flow", {"title": run, "cents": 1000 * number, "approvers": ["ann", "bob"],
                                           "patience": patience, "reminder": "400ms"})
        if kind == "escalated":
            # Ann does not answer and is passed over; bob does, unless he is too late, too.
            actor.until(run, lambda envelope: envelope["vars"]["level"] >= 1)
            in_time = actor.signal(run, "decision", {"ok": True, "by": "bob"}, may_be_late=True)
            actor.close(run, "completed" if in_time else "failed")
            return
        if kind == "unanswered":
            actor.close(run, "failed")
            return
        actor.reach(run, "waiting")
        if kind == "withdrawn":
            actor.signal(run, "withdraw")
            actor.close(run, "cancelled")
        else:
            actor.signal(run, "decision", {"ok": True, "by": "ann"})
            actor.close(run, "completed")

    return run, play


def approvals():
    kinds = (["approved"] * APPROVALS_AT_ONCE + ["escalated"] * APPROVALS_ESCALATED +
             ["unanswered"] * APPROVALS_UNANSWERED + ["withdrawn"] * APPROVALS_WITHDRAWN)
    return [approval(number, kind) for number, kind in enumerate(kinds, start=1)]


def data_import(number):
    run = f"import-{number}"

    def play(actor):
        actor.start(run, "data-import",
                    {"file": UNICODE_DATA, "database": f"unicode-{number}", "chunk": 1000 * (number + 1)})
        actor.close(run, "completed")

    return run, play


def everything():
    """All scenarios, the long ones first, the rest mixed."""
    first = [data_import(number) for number in range(1, IMPORTS + 1)] + [rollouts(name) for name in SERVICES]
    lists = [orders(), charges(), approvals()]
    mixed = []
    while any(lists):
        mixed += [rest.pop(0) for rest in lists if rest]
    return first + mixed
