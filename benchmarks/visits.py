"""What the subscribers of `benchmarks.subscribers` watch: a visitor who looks around and leaves."""

from flawless import publish, sleep, step, workflow


@step
def look_up(item: int) -> int:
    return item % 97


@workflow
def visit(item: int, pause_s: float) -> int:
    publish({"page": "item", "item": item})
    price = look_up(item)
    publish({"page": "basket", "item": item, "price": price})
    print(f"item {item} for {price}")
    sleep(pause_s)
    publish({"page": "paid", "item": item, "price": price})
    return look_up(price)
