#!/usr/bin/env python3
"""Works while the node leads whose socket is at PATH: worker.py PATH"""
import json, select, socket, sys, time

def work(term):  # A piece of work is shorter than the margin of the lease, and carries the term.
    print(term, time.clock_gettime_ns(time.CLOCK_BOOTTIME), flush=True)
    time.sleep(0.002)

def follow(node, lease=None, unread=b""):
    while True:
        leads = lease is not None and time.clock_gettime_ns(time.CLOCK_BOOTTIME) < lease["until_ns"]
        if select.select([node], [], [], 0 if leads else None)[0]:
            received = node.recv(65536) or sys.exit("the node has ended")
            *lines, unread = (unread + received).split(b"\n")
            for line in map(json.loads, lines):
                before, lease = lease, line.get("lease") if "lease" in line else lease
                if before and not lease:
                    return  # Hanging up says that the work has stopped, so that another node may lead.
        elif leads:
            work(lease["term"])

while True:
    with socket.socket(socket.AF_UNIX) as node:
        node.connect(sys.argv[1])
        follow(node)
