module velero-eks/tests/oracles/cron

go 1.25

// The versions in go.mod of Velero 1.18.2, and of 1.18.3; raise them with Velero.
require (
	github.com/netresearch/go-cron v0.15.0
	github.com/robfig/cron/v3 v3.0.1
)
