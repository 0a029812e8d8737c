"""What programs make of whole numbers that once were floats, as pandas does of a column with a gap: patterns."""

# With a point or a sign, as Java (1.2345678E7), Python (1e+16) and spreadsheets (1.23457E+15) write floats. Without
# either, 3636638817772e42 is an id in hex, and 1e7 a code: few programs write floats so, and banks have such ids.
WITH_EXPONENT = r"[+-]?\d+(?:\.\d*[eE][+-]?|[eE][+-])\d+"
LARGE_WITH_EXPONENT = r"[+-]?\d+(?:\.\d*[eE]\+?|[eE]\+)\d+"  # those that are no tiny number
WITH_POINT = r"[+-]?\d+\.0*"
