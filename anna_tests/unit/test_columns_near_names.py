from anna_core.columns.near_names import near_names


def test_one_column_alone_may_be_meant_by_a_name():
    there = ["CLIENT_ID", " as_of ", "Straße", "Amount", "AMOUNT"]
    near = {"client_id": "CLIENT_ID", "as_of": " as_of ", "STRASSE": "Straße"}
    assert near_names([*near, "amount", "mcc"], there) == near
