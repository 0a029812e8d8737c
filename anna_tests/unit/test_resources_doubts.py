"""Doubts about months of scores, told once."""

from anna_resources.doubts import joint_doubts


def test_what_is_doubtful_of_several_months_is_told_once():
    apart = "loans and cards write clients in different ways: leading zeros are lost ({} of {} would meet otherwise)."
    doubts = {
        "2024-12": apart.format("1,600", "1,601"), "2024-10": apart.format(598, 601), "2024-11": "there is nobody.",
        "2024-09": apart.format(597, 600),
    }  # fmt: skip
    assert joint_doubts(doubts) == [
        f"2024-09 to 2024-12 (3 months): {doubts['2024-12']}", "2024-11: there is nobody."
    ]  # fmt: skip
    assert joint_doubts({}) == []
