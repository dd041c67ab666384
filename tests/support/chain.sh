# A chain of network namespaces, for tests of what happens on a way of several hops:
#
#   client ─ r1 ─ r2 ─ … ─ server       link i: 10.9.i.1 ─ 10.9.i.2, fd09:i::1 ─ fd09:i::2
#
# Run in namespaces of its own (`unshare -Urn sh chain.sh HOPS`), it prints the process of each host on a line, keeps them until its
# standard input is closed, and then all of it is gone.
set -e
hops=$1
hosts=$$
trap 'kill $children 2>/dev/null' EXIT
children=
i=1
while [ $i -le $hops ]; do
    unshare -n sleep 100000 >/dev/null 2>&1 </dev/null &
    children="$children $!"
    hosts="$hosts $!"
    # The namespace is new when it is not ours any more.
    while [ "$(readlink /proc/$!/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done
    i=$((i + 1))
done

inside() { pid=$1; shift; nsenter -t $pid -n "$@"; }
settle() { # Addresses are usable at once, and packets are passed on; errors are not limited, so that tests may come one after the other.
    inside $1 sh -c '
        ip link set lo up
        for scope in all default; do
            echo 1 >/proc/sys/net/ipv6/conf/$scope/forwarding
            echo 0 >/proc/sys/net/ipv6/conf/$scope/accept_dad
        done
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
        echo 100000 >/proc/sys/net/ipv4/icmp_msgs_burst
        echo 100000 >/proc/sys/net/ipv4/icmp_msgs_per_sec
        echo 0 >/proc/sys/net/ipv6/icmp/ratelimit
        echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
        echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter'
}
for host in $hosts; do settle $host; done

left=$$
link=1
for host in $hosts; do
    [ $host = $$ ] && continue
    inside $left ip link add right type veth peer name left netns $host
    inside $left ip addr add 10.9.$link.1/24 dev right
    inside $left ip addr add fd09:$link::1/64 dev right nodad
    inside $host ip addr add 10.9.$link.2/24 dev left
    inside $host ip addr add fd09:$link::2/64 dev left nodad
    inside $left ip link set right up
    inside $host ip link set left up
    left=$host
    link=$((link + 1))
done
# Each knows the links before it by the left, and all others by the right.
place=0
for host in $hosts; do
    if [ $place -lt $hops ]; then
        inside $host ip route add default via 10.9.$((place + 1)).2
        inside $host ip -6 route add default via fd09:$((place + 1))::2
    fi
    link=1
    while [ $link -lt $place ]; do
        inside $host ip route add 10.9.$link.0/24 via 10.9.$place.1
        inside $host ip -6 route add fd09:$link::/64 via fd09:$place::1
        link=$((link + 1))
    done
    place=$((place + 1))
done
echo $hosts
read -r _ || true
