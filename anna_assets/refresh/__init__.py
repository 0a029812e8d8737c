"""How sources reach the marts: the sensor that has them observed, and what is told of what was observed."""
