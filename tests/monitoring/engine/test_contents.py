"""Texts and embeddings: what is counted of them, the sample that adds up, and whether two sources are told apart."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.models.engine.signatures import EMBEDDING, TEXT, Content, Signature, SignatureError
from apps.monitoring.engine import codec, contents, domains, embeddings, intake, samples
from apps.monitoring.engine.intake import Field, Raw
from apps.monitoring.engine.policy import DRIFT, NOT_ENOUGH, QUIET, Limits
from apps.monitoring.engine.reduce import reduce_all
from tests.monitoring.engine.rows import baseline_of
from tests.monitoring.engine.texts import of_numpy, of_python

BOTH = [Content("said", TEXT), Content("vector", EMBEDDING, 4)]
ENGLISH = "The evening flight waited for an hour because the crew had come from another airport."
GERMAN = "Alle Menschen sind frei und gleich an Würde und Rechten geboren."
FRENCH = "Tous les êtres humains naissent libres et égaux en dignité et en droits."


def column(values, name="said", kind=None):
    names = [one for one, _ in contents.counted_of(name, EMBEDDING if kind else TEXT)]
    table = contents.complete(pa.table({name: pa.array(values, kind)}), names)
    return {one.removeprefix(f"{name}."): table.column(one).to_pylist() for one in names}


def rows(texts, rng, shift=0.0, tag=""):
    vectors = (rng.normal(size=(len(texts), 4)) + shift).astype(np.float32)
    table = pa.table({"said": pa.array(texts, pa.string()), "vector": pa.array(list(vectors), embeddings.TYPE)})
    return samples.take(table, [f"{tag}{place}" for place in range(len(texts))], BOTH)


def test_measures_of_a_text_are_those_of_python():
    said = ["Two words", "naïve 42!", "  ", "", None, "私は学生です", "tab\tand\nline"]
    found = column(said)
    for place, text in enumerate(said):
        if not (text or "").strip():
            assert {values[place] for values in found.values()} == {None}
            continue
        assert found["length"][place] == len(text)
        assert found["words"][place] == len(text.split())
        assert found["letters"][place] == sum(map(str.isalpha, text)) / len(text)
        assert found["digits"][place] == sum(map(str.isdecimal, text)) / len(text)
        assert found["foreign"][place] == sum(not one.isascii() for one in text) / len(text)


def test_language_of_a_text_is_told_and_of_a_scrap_is_not():
    found = column([GERMAN, FRENCH, ENGLISH, "ok", "12345 67890 12345", "私は学生です、よろしくお願いします"])
    assert found["language"] == ["de", "fr", "en", "unknown", "unknown", "ja"]


def test_norm_of_an_embedding_and_of_none():
    assert column([[3.0, 4.0], None, [0.0, 0.0]], "vector", embeddings.TYPE)["norm"] == [5.0, None, 0.0]


def test_counted_columns_are_reduced_without_being_asked_for():
    table = pa.table({"said": of_python()[:500]})
    names = [name for name, _ in contents.counted_of("said", TEXT)]
    baseline = baseline_of(contents.complete(table, names).drop_columns(["said"]))
    state = reduce_all(table, baseline.bins)
    assert state == baseline.reference
    assert state.rows == 500


@pytest.mark.parametrize(
    "sent",
    [
        [[1, 2, 3, 4], [0.5, 0.5, 0.5, 0.5], None],
        pa.array([[1, 2, 3, 4], [0.5, 0.5, 0.5, 0.5], None], pa.list_(pa.float64(), 4)),
        pa.chunked_array([pa.array([[1, 2, 3, 4], [0.5, 0.5, 0.5, 0.5], None], pa.large_list(pa.float32()))]),
        ["[1, 2, 3, 4]", "[0.5, 0.5, 0.5, 0.5]", None],
    ],
)
def test_embeddings_come_as_json_arrow_and_text(sent):
    found, wrong = intake.convert(sent, Field("vector", "embedding", size=4), isinstance(sent, list))
    assert found.type == embeddings.TYPE
    assert found.to_pylist() == [[1.0, 2.0, 3.0, 4.0], [0.5] * 4, None]
    assert not wrong.marks.any()


def test_embeddings_that_do_not_fit_are_refused_by_row():
    sent = [[1.0, 2.0], [1.0, 2.0, 3.0], [1.0, math.inf], [1.0, None], "no", [1e39, 0.0], [True, 1.0]]
    found, wrong = intake.convert(sent, Field("vector", "embedding", size=2), is_text=False)
    assert wrong.marks.tolist() == [False, True, True, True, True, True, True]
    assert dict(wrong.told)[1] == "must be a list of 2 numbers."
    assert found.to_pylist()[0] == [1.0, 2.0]
    raw = Raw({"vector": sent[:2]}, 2, np.arange(1, 3))
    assert intake.normalise(raw, [Field("vector", "embedding", size=2)]).refused == 1


def test_signature_names_text_and_embeddings_and_refuses_what_it_cannot_use():
    plain = {
        "task": "regression", "target": "y",
        "inputs": [{"name": "said", "type": "string", "is_text": True}, {"name": "x", "type": "number"}],
        "beside": [{"name": "vector", "type": "embedding", "size": 4}, {"name": "asked", "type": "text"}],
    }  # fmt: skip
    signature = Signature.from_json(plain)
    assert signature.contents == [BOTH[0], BOTH[1], Content("asked", TEXT)]
    assert Signature.from_json(signature.as_json()) == signature
    bad = [{"name": "x", "type": "text"}, {"name": "v", "type": "embedding"}, {"name": "n", "type": "number"}, 3]
    with pytest.raises(SignatureError) as refused:
        Signature.from_json(plain | {"beside": bad})
    assert set(refused.value.fields) == {"x", "v", "n", "beside"}
    with pytest.raises(SignatureError):
        Signature.from_json(plain | {"inputs": [{"name": "x", "type": "number", "is_text": True}], "beside": []})


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 900), st.integers(1, 5), st.integers(0, 2**32))
def test_samples_add_up_in_any_order_and_a_row_that_comes_again_is_one(size, parts, seed):
    texts, rng = of_python(), np.random.default_rng(seed)
    ids = rng.integers(0, 2_000, size).tolist()

    def part_of(chosen):
        table = pa.table({
            "said": pa.array([texts[one] for one in chosen], pa.string()),
            "vector": pa.array([[float(one)] * 4 if one % 3 else None for one in chosen], embeddings.TYPE),
        })  # fmt: skip
        return samples.take(table, [str(one) for one in chosen], BOTH)

    whole = part_of(ids)
    pieces = [part_of(ids[at::parts]) for at in range(parts)] + [part_of(ids[:7]), part_of([])]
    rng.shuffle(pieces)
    assert samples.merge(pieces).packed == whole.packed
    assert (pieces[0] + pieces[1]).packed == (pieces[1] + pieces[0]).packed
    assert len(whole.keys) == min(len(set(ids)), samples.MOST)
    assert samples.decode(whole.encode()).packed == whole.packed


def test_sample_holds_no_text_and_refuses_damage():
    rng = np.random.default_rng(3)
    blob = rows([GERMAN] * 3, rng).encode()
    assert b"Menschen" not in rows([GERMAN] * 3, rng).packed
    with pytest.raises(codec.Damaged):
        samples.decode(blob[:-3])


def test_texts_of_one_source_are_not_told_apart_and_of_two_are():
    rng = np.random.default_rng(1)
    one, other = rng.permutation(of_python()).tolist(), rng.permutation(of_numpy()).tolist()
    found = {}
    for name, before, now, shift in (("same", one[:600], one[600:1_200], 0.0), ("other", one[:600], other[:600], 0.5)):
        result = domains.compare(rows(before, rng, tag="a"), rows(now, rng, shift, "b"), BOTH, Limits())
        found[name] = {row["column"]: row for row in result["columns"]}
        assert result["level"] == {"same": QUIET, "other": DRIFT}[name]
    assert [row["level"] for row in found["other"].values()] == [DRIFT, DRIFT]
    assert found["other"]["said"]["auc"] > 0.85
    assert found["other"]["vector"]["distance"] == pytest.approx(0.5, abs=0.1)
    assert found["other"]["vector"]["distance_p"] == 0.001
    assert found["same"]["vector"]["distance_p"] > 0.01


def test_nothing_is_raised_when_nothing_moves():
    rng = np.random.default_rng(2)
    texts, raised, p = of_numpy(), 0, []
    for _ in range(8):
        drawn = rng.permutation(texts)[:600].tolist()
        result = domains.compare(rows(drawn[:300], rng, tag="a"), rows(drawn[300:], rng, tag="b"), BOTH, Limits())
        raised += result["level"] != QUIET
        p += [row["p"] for row in result["columns"]]
    assert raised == 0
    assert np.mean(np.array(p) < 0.05) < 0.2


def test_figures_follow_from_what_the_result_holds():
    rng = np.random.default_rng(4)
    before, now = rows(of_python()[:300], rng, tag="a"), rows(of_numpy()[:300], rng, 0.3, "b")
    result = domains.compare(before, now, BOTH, Limits())
    assert result["samples"] == {"reference": before.sha256, "current": now.sha256}
    for row in result["columns"]:
        again = domains.told_apart(row["scores"]["reference"], row["scores"]["current"])
        assert {name: row[name] for name in again} == again
        assert domains.judge(row, Limits(**{**result["limits"], "features": {}})) == row["level"]
    vector = result["columns"][1]
    again = domains.mean_distance(*(samples.embeddings_of(one, "vector") for one in (before, now)))
    assert {name: vector[name] for name in again} == again
    assert domains.compare(before, now, BOTH, Limits()) == result


def test_few_values_are_not_judged():
    rng = np.random.default_rng(5)
    result = domains.compare(rows(of_python()[:300], rng), rows([None] * 250 + ["some text"] * 50, rng), BOTH, Limits())
    assert [row["level"] for row in result["columns"]] == [NOT_ENOUGH, QUIET]
    assert result["columns"][0]["n_current"] == 50
