"""SQLAlchemy's asyncio ORM on aiosqlite, an embedded database.

It needs greenlets, and knows nothing of switchlib.

    python -m switchlib run examples/async_orm.py

Creates tables, inserts a thousand rows with relations, loads them eagerly, lazily (by run_sync) and
as a stream, rolls a transaction back, checks every result, and prints a summary.
"""

from __future__ import annotations

import asyncio
import sys
import time

import greenlet
from sqlalchemy import ForeignKey, func, select
from sqlalchemy.ext.asyncio import AsyncAttrs, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
)

AUTHORS = 100
BOOKS_EACH = 9


class Base(AsyncAttrs, DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    books: Mapped[list[Book]] = relationship(back_populates="author", order_by="Book.id")


class Book(Base):
    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


class Discarded(Exception):
    """Raised inside a transaction, to roll it back."""


def check(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise SystemExit(f"{what}: found {found!r}, expected {expected!r}")
    print(f"  {what}: {found}")


def count_lazily(session: Session) -> int:
    """Synchronous code: each author's books are loaded by an attribute access,
    which awaits in a greenlet.
    """
    return sum(len(author.books) for author in session.scalars(select(Author)))


async def fill(session: AsyncSession) -> None:
    for number in range(AUTHORS):
        author = Author(name=f"author {number}")
        author.books = [Book(title=f"book {number}.{book}") for book in range(BOOKS_EACH)]
        session.add(author)
    await session.commit()


async def main() -> None:
    began = time.perf_counter()
    engine = create_async_engine("sqlite+aiosqlite://")
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)

    async with sessions() as session:
        await fill(session)
    async with sessions() as session:
        rows = [
            await session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Author, Book)
        ]
        check("rows inserted", sum(rows), AUTHORS * (1 + BOOKS_EACH))

        eager = await session.scalars(
            select(Author).options(selectinload(Author.books)).order_by(Author.id)
        )
        titles = [author.books[-1].title for author in eager]
        check("last title, loaded eagerly", titles[-1], f"book {AUTHORS - 1}.{BOOKS_EACH - 1}")

    async with sessions() as session:
        check(
            "books, loaded lazily by run_sync",
            await session.run_sync(count_lazily),
            AUTHORS * BOOKS_EACH,
        )

    async with sessions() as session:
        author = await session.get_one(Author, 7)
        check("books of one author, awaited", len(await author.awaitable_attrs.books), BOOKS_EACH)

    try:
        async with sessions.begin() as session:
            session.add(Author(name="nobody"))
            await session.flush()
            check(
                "authors inside a transaction",
                await session.scalar(select(func.count(Author.id))),
                AUTHORS + 1,
            )
            raise Discarded
    except Discarded:
        async with sessions() as session:
            check(
                "authors after it was rolled back",
                await session.scalar(select(func.count(Author.id))),
                AUTHORS,
            )

    async with sessions() as session:
        streamed = 0
        async for book in await session.stream_scalars(
            select(Book).execution_options(yield_per=50)
        ):
            streamed += book.title.startswith("book")
        check("books streamed", streamed, AUTHORS * BOOKS_EACH)
    await engine.dispose()

    stands_for = "switchlib, which stands for " if "switchlib" in sys.modules else ""
    print(
        f"all as expected after {time.perf_counter() - began:.2f} s; greenlets by {stands_for}",
        end="",
    )
    print(f"greenlet {greenlet.__version__}")


if __name__ == "__main__":
    print("SQLAlchemy's asyncio ORM:")
    asyncio.run(main())
