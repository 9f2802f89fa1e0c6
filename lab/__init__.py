"""The lab: a whole cluster on this machine, and the Python that talks to a running cluster.

``make lab`` runs :mod:`lab.tour`, ``make lab-ha`` :mod:`lab.three_databases`; the tests and the
benchmarks use :mod:`lab.cluster`.
"""
