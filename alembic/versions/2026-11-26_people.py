"""Back early from an absence, and who registered people and ended what was theirs.

Revision ID: people
Revises: hazard_key
Create Date: 2026-11-26
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "people"
down_revision = "hazard_key"
branch_labels = None
depends_on = None

KINDS = ("redesign", "repair", "absence", "assignment", "move")
RELATIONS = ("zoning", "zone", "zone_cell", "inspector_assignment")

RECORDS = (
    "proposal_effect",
    "proposal_event",
    "proposal_case",
    "proposal_assignment",
    "proposal_cell",
    "proposal_zone",
)


def _known(table: str, column: str, values: tuple[str, ...]) -> None:
    name = op.f(f"ck_{table}_{column}_known")
    op.drop_constraint(name, table, type_="check")
    listed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(name, table, f"{column} IN ({listed})")


def _of_someone(kinds: str) -> None:
    name = op.f("ck_proposal_absence_of_someone")
    op.drop_constraint(name, "proposal", type_="check")
    op.create_check_constraint(name, "proposal", f"({kinds}) = (absent_id IS NOT NULL)")


def upgrade() -> None:
    _known("proposal", "kind", (*KINDS, "return"))
    _of_someone("kind IN ('absence', 'return')")
    _known("proposal_effect", "relation", (*RELATIONS, "inspector_leave"))
    op.add_column("inspector", sa.Column("recorded_by", sa.Text(), nullable=True))
    op.add_column(
        "inspector",
        # nobody knows when those were registered that are there already
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.alter_column("inspector", "recorded_at", server_default=sa.text("now()"))
    op.create_table(
        "inspector_ending",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("inspector_id", sa.BigInteger(), nullable=False),
        sa.Column("colleague_id", sa.BigInteger(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column(
            "ended_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "what IN ('certificate', 'leave', 'recusal', 'team')",
            name=op.f("ck_inspector_ending_what_known"),
        ),
        sa.CheckConstraint("ended_by <> ''", name=op.f("ck_inspector_ending_ended_by_somebody")),
        sa.ForeignKeyConstraint(
            ["inspector_id"], ["inspector.id"], name=op.f("fk_inspector_ending_inspector_id")
        ),
        sa.ForeignKeyConstraint(
            ["colleague_id"], ["inspector.id"], name=op.f("fk_inspector_ending_colleague_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspector_ending")),
    )
    for column in ("inspector_id", "colleague_id"):
        op.create_index(op.f(f"ix_inspector_ending_{column}"), "inspector_ending", [column])
    op.execute(
        "CREATE TRIGGER inspector_ending_append_only"
        " BEFORE UPDATE OR DELETE OR TRUNCATE ON inspector_ending"
        " FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only()"
    )


def downgrade() -> None:
    op.drop_table("inspector_ending")
    # the kind is not known below this revision; what returns changed stays
    op.execute("ALTER TABLE proposal_event DISABLE TRIGGER proposal_event_append_only")
    for table in RECORDS:
        op.execute(
            f"DELETE FROM {table} AS r USING proposal AS p"  # noqa: S608 - names of ours
            " WHERE r.proposal_id = p.id AND p.kind = 'return'"
        )
    op.execute("ALTER TABLE proposal_event ENABLE TRIGGER proposal_event_append_only")
    op.execute("DELETE FROM proposal WHERE kind = 'return'")
    op.drop_column("inspector", "recorded_at")
    op.drop_column("inspector", "recorded_by")
    _known("proposal_effect", "relation", RELATIONS)
    _of_someone("kind = 'absence'")
    _known("proposal", "kind", KINDS)
