"""Tables of candidates and failures: plain heads with units, numbers in these units, notes."""

from nas.report.frame.table import Table
from nas.report.search_page.candidates import candidates_table, finalists_table, front_table
from nas.report.search_page.failures import deaths_note, failures_table
from nas.report.search_page.plain_names import decision_name, option_name, quantity
from tests.nas.nas_records import failed, infeasible, trained
from tests.nas.report.search_page.searches import finals_of, search
from tests.toys.metrics import with_metrics


def cells(table: Table, row: int) -> dict[str, object]:
    """Return head with unit -> cell of a row."""
    heads = [column.full_head for column in table.columns]
    assert len(set(heads)) == len(heads), "two columns have the same head"
    return dict(zip(heads, table.rows[row].cells, strict=True))


def test_measurements_are_in_the_units_of_their_columns() -> None:
    record = with_metrics(
        trained(4, 0.6, accuracy=0.8125), macs=1_500_000, peak_memory_bytes=3 * 2**20
    )
    row = cells(candidates_table(search([record])), 0)
    assert row["candidate"] == 4
    assert row["accuracy in the search (%)"] == 81.25
    assert row["step time (ms)"] == 20.0
    assert row["multiply-adds (M)"] == 1.5
    assert row["peak memory (MiB)"] == 3.0
    assert row["parameters"] == 123_456
    assert row["timing was disturbed"] is False
    assert row["stage 1: depth"] == 1
    assert row["stage 1: block"] == "MBConv"


def test_the_best_is_first_and_what_was_not_trained_is_last_without_a_reward() -> None:
    guess = with_metrics(trained(3, 0.9), at_chance=True)
    table = candidates_table(
        search([failed(0), trained(1, 0.5), trained(2, 0.6, accuracy=0.6), guess])
    )
    rows = [cells(table, row) for row in range(4)]
    assert [row["candidate"] for row in rows] == [2, 1, 3, 0]
    assert rows[0]["note"] == "winner, Pareto front"
    assert rows[2]["note"] == "at chance"
    assert rows[3]["reward"] is None
    assert (rows[3]["state"], rows[3]["reason"]) == (
        "failed",
        "the loss was not finite by step 50",
    )
    assert [row.mark for row in table.rows] == ["best", "", "chance", "chance"]


def test_the_front_has_the_key_that_names_its_files() -> None:
    fast, good = trained(0, 0.5, accuracy=0.5, relative=0.5), trained(1, 0.6, accuracy=0.7)
    table = front_table(search([fast, good]))
    assert [cells(table, row)["candidate"] for row in (0, 1)] == [1, 0]
    assert cells(table, 0)["network"] == good.candidate.key


def test_finalists_have_the_accuracies_of_both_kinds_of_training() -> None:
    records = [trained(0, 0.8, accuracy=0.8), trained(1, 0.7, accuracy=0.6)]
    accuracies = {(0, 1): 0.61, (0, 2): 0.65, (1, 1): 0.70, (1, 2): 0.72}
    row = cells(finalists_table(search(records, finals_of(records, accuracies))), 0)
    assert (row["candidate"], row["note"], row["rank in the search"]) == (1, "winner", 2)
    assert abs(float(str(row["mean accuracy (%)"])) - 71) < 1e-9
    assert row["accuracy in the search (%)"] == 60.0


def test_failures_are_counted_by_reason_the_most_frequent_first() -> None:
    run = search([failed(3), infeasible(0), failed(1), trained(2, 0.5), failed(4, "no memory")])
    table = failures_table(run)
    assert [row.cells for row in table.rows] == [
        ("failed", "the loss was not finite by step 50", 2, "1, 3"),
        ("breaks a constraint", "params 2 violates 'params < 1'", 1, "0"),
        ("failed", "no memory", 1, "4"),
    ]
    assert deaths_note(run) == ""


def test_many_failures_are_not_all_listed() -> None:
    table = failures_table(search([failed(number) for number in range(15)]))
    assert table.rows[0].cells[2:] == (15, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more")


def test_names_of_files_are_in_plain_words() -> None:
    assert decision_name("stage3.kernel_size") == "stage 3: kernel"
    assert decision_name("stage12.expand_ratio") == "stage 12: expansion"
    assert option_name("fused_mbconv") == "Fused-MBConv"
    assert option_name(5) == "5"
    assert option_name(None) == "stage removed"
    assert quantity("device_seconds_rung2").head == "device time of rung 2"
    assert quantity("my_own_metric").head == "my own metric"
