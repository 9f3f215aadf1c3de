"""A bank: each account in a Mutex, transfers by threads, and the total stays what it was.

A transfer locks two accounts. Two threads that each hold one and want the other's would wait for
ever, so everybody locks the account with the smaller number first.
"""

from pythread_rs import Mutex, scope

ACCOUNTS = 5
OPENING_BALANCE = 100
THREADS = 4
TRANSFERS = 500


def transfer(accounts: tuple[Mutex[int], ...], giver: int, taker: int, amount: int) -> None:
    """Move an amount from one account to another, unless the giver has less than that."""
    first, second = min(giver, taker), max(giver, taker)
    with accounts[first] as one, accounts[second] as two:
        source, target = (one, two) if giver == first else (two, one)
        if source.value >= amount:
            source.value -= amount
            target.value += amount


def work(accounts: tuple[Mutex[int], ...], seed: int) -> int:
    """Try transfers of different amounts between all pairs of accounts."""
    for number in range(TRANSFERS):
        giver = (seed + number) % ACCOUNTS
        taker = (giver + 1 + number // ACCOUNTS % (ACCOUNTS - 1)) % ACCOUNTS
        transfer(accounts, giver, taker, amount=1 + (seed * 7 + number * 13) % 90)
    return TRANSFERS


def main() -> None:
    accounts = tuple(Mutex(OPENING_BALANCE) for _ in range(ACCOUNTS))
    with scope() as s:
        handles = [s.spawn(work, accounts, seed) for seed in range(THREADS)]
    tried = sum(handle.join().unwrap() for handle in handles)
    balances = [account.into_inner().unwrap() for account in accounts]
    print(f"{THREADS} threads tried {tried} transfers")
    print("somebody owes money:", min(balances) < 0)
    print(f"all accounts together: {sum(balances)}")


if __name__ == "__main__":
    main()
