"""Every method of the published client is called by some test. It runs last, and only when everything runs."""

from __future__ import annotations

import methods


def test_no_method_of_the_client_was_left_out() -> None:
    assert len(methods.ALL) == 85
    assert sorted(methods.ALL - methods.called) == []
