module velero-eks/tests/oracles/cron

go 1.21

// The version in Velero 1.18's go.mod; raise it with Velero.
require github.com/robfig/cron/v3 v3.0.1
