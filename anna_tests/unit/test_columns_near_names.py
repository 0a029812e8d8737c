from anna_core.columns.near_names import near_names, what_differs


def test_one_column_alone_may_be_meant_by_a_name():
    there = ["CLIENT_ID", " as_of ", "Straße", "Amount", "AMOUNT"]
    near = {"client_id": "CLIENT_ID", "as_of": " as_of ", "STRASSE": "Straße"}
    assert near_names([*near, "amount", "mcc"], there) == near


def test_cyrillic_letters_that_look_latin_are_told():
    assert near_names(["MCC", "клиент"], ["МСС", "Клиeнт"]) == {"MCC": "МСС", "клиент": "Клиeнт"}  # with a Latin e
    assert what_differs({"mcc": "МСС"}) == "the М in 'МСС' is Cyrillic, but the m in 'mcc' is Latin"
    assert what_differs({"клиент": "Клиeнт"}) == "the e in 'Клиeнт' is Latin, but the е in 'клиент' is Cyrillic"
    assert what_differs({"mcc": " MCC"}) == "letter case and padding count"
    assert near_names(["дата"], ["data"]) == {}  # a д looks like no other letter
