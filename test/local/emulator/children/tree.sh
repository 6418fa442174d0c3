#!/bin/sh
# A leader with a child in its group and one in a session of its own, as LocalStack has Java; says all three.
# With "deaf", none of them hears SIGTERM. With "brief", the leader ends at once with 7 and leaves the others.
[ "$1" = deaf ] && trap '' TERM
sleep 1000 &
group=$!
setsid sleep 1000 &
session=$!
echo "$$ $group $session"
[ "$1" = brief ] && exit 7
wait
wait
