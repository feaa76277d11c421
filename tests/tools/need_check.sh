#!/bin/sh
# Stands for every unit test where the Check library was missing when configure ran.
echo "the unit tests need the Check library: apt-get install check, then configure again" >&2
exit 1
