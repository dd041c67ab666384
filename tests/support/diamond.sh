# Network namespaces between which there are several ways, for tests of routers that share load:
#
#            ┌ m1 ┐
#   client ─ r1 …  r2 ─ server       10.9.1.1 ─ .2 │ 10.9.1N.1 ─ .2 │ 10.9.3N.1 ─ .2 │ 10.9.2.1 ─ .2, fd09:… likewise
#            └ mN ┘
#
# r1 chooses by addresses, protocol and ports (fib_multipath_hash_policy=1). Run in namespaces of its own
# (`unshare -Urn sh diamond.sh WIDTH`), it prints the process of each host on a line (client, r1, m1 … mN, r2, server), keeps them
# until its standard input is closed, and then all of it is gone.
set -e
width=$1
trap 'kill $children 2>/dev/null' EXIT
children=
hosts=$$
i=1
while [ $i -le $((width + 3)) ]; do
    unshare -n sleep 100000 >/dev/null 2>&1 </dev/null &
    children="$children $!"
    hosts="$hosts $!"
    # The namespace is new when it is not ours any more.
    while [ "$(readlink /proc/$!/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done
    i=$((i + 1))
done

inside() { pid=$1; shift; nsenter -t $pid -n "$@"; }
for host in $hosts; do
    inside $host sh -c '
        ip link set lo up
        for scope in all default; do
            echo 1 >/proc/sys/net/ipv6/conf/$scope/forwarding
            echo 0 >/proc/sys/net/ipv6/conf/$scope/accept_dad
            echo 0 >/proc/sys/net/ipv4/conf/$scope/rp_filter
        done
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy
        echo 1 >/proc/sys/net/ipv6/fib_multipath_hash_policy
        echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
        echo 100000 >/proc/sys/net/ipv4/icmp_msgs_burst
        echo 100000 >/proc/sys/net/ipv4/icmp_msgs_per_sec
        echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
done

cable() { # Of two hosts, the one that is nearer to the client first; and the number of the network between them.
    inside $1 ip link add to$3 type veth peer name from$3 netns $2
    inside $1 ip addr add 10.9.$3.1/24 dev to$3
    inside $1 ip addr add fd09:$3::1/64 dev to$3 nodad
    inside $2 ip addr add 10.9.$3.2/24 dev from$3
    inside $2 ip addr add fd09:$3::2/64 dev from$3 nodad
    inside $1 ip link set to$3 up
    inside $2 ip link set from$3 up
}

set -- $hosts
client=$1
r1=$2
shift 2
middle=
i=1
while [ $i -le $width ]; do middle="$middle $1"; shift; i=$((i + 1)); done
r2=$1
server=$2

cable $client $r1 1
cable $r2 $server 2
i=1
ways=
ways6=
for host in $middle; do
    cable $r1 $host 1$i
    cable $host $r2 3$i
    inside $host ip route add default via 10.9.1$i.1
    inside $host ip -6 route add default via fd09:1$i::1
    inside $host ip route add 10.9.2.0/24 via 10.9.3$i.2
    inside $host ip -6 route add fd09:2::/64 via fd09:3$i::2
    ways="$ways nexthop via 10.9.1$i.2"
    ways6="$ways6 nexthop via fd09:1$i::2"
    i=$((i + 1))
done
inside $client ip route add default via 10.9.1.2
inside $client ip -6 route add default via fd09:1::2
inside $r1 ip route add 10.9.2.0/24 $ways
inside $r1 ip -6 route add fd09:2::/64 $ways6
inside $r2 ip route add default via 10.9.31.1
inside $r2 ip -6 route add default via fd09:31::1
inside $server ip route add default via 10.9.2.1
inside $server ip -6 route add default via fd09:2::1
echo $hosts
read -r _ || true
