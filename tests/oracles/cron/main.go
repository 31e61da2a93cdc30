// Command cron answers, line by line, what the scheduler inside Velero makes of a cron expression or a duration.
//
// It reads one JSON question a line and prints one JSON answer a line:
//
//	{"library": "robfig", "expression": "0 2 * * *", "after": "2026-01-01T00:00:00Z", "count": 3}
//	{"accepted": true, "runs": ["2026-01-01T02:00:00Z", "2026-01-02T02:00:00Z", "2026-01-03T02:00:00Z"]}
//	{"duration": "1.5h"}
//	{"accepted": true, "nanoseconds": 5400000000000, "printed": "1h30m0s"}
//
// The library is "robfig" (Velero up to 1.18.2) or "go-cron" (from 1.18.3 on). Fewer runs than asked for mean that the
// schedule never runs again; with "stuck": true the library itself never returned (it cannot step over a day that a zone
// left out). Expressions without a zone are read in UTC.
// The zone rules are those in the directory or zip file that ZONEINFO names, else the machine's.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	gocron "github.com/netresearch/go-cron"
	"github.com/robfig/cron/v3"
)

// A search takes microseconds; one that takes this long on the busiest machine goes round for ever.
const patience = 5 * time.Second

type schedule interface {
	Next(time.Time) time.Time
}

var parsers = map[string]func(string) (schedule, error){
	"robfig":  func(expression string) (schedule, error) { return cron.ParseStandard(expression) },
	"go-cron": func(expression string) (schedule, error) { return gocron.ParseStandard(expression) },
}

type question struct {
	Library    string    `json:"library"`
	Expression string    `json:"expression"`
	After      time.Time `json:"after"`
	Count      int       `json:"count"`
	Duration   *string   `json:"duration"`
}

type answer struct {
	Accepted    bool     `json:"accepted"`
	Error       string   `json:"error,omitempty"`
	Runs        []string `json:"runs,omitempty"`
	Stuck       bool     `json:"stuck,omitempty"`
	Nanoseconds int64    `json:"nanoseconds,omitempty"`
	Printed     string   `json:"printed,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for lines.Scan() {
		var asked question
		err := json.Unmarshal(lines.Bytes(), &asked)
		if err == nil && asked.Duration == nil && parsers[asked.Library] == nil {
			err = fmt.Errorf("no such library: %q", asked.Library)
		}
		if err != nil {
			out.Flush()
			fmt.Fprintf(os.Stderr, "not a question: %s: %v\n", lines.Text(), err)
			os.Exit(2)
		}
		if err := encoder.Encode(reply(asked)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func reply(asked question) (given answer) {
	// The parser panics on a zone with nothing behind it; Velero catches that and calls the schedule invalid.
	defer func() {
		if panicked := recover(); panicked != nil {
			given = answer{Error: fmt.Sprint(panicked)}
		}
	}()
	if asked.Duration != nil {
		length, err := time.ParseDuration(*asked.Duration)
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{Accepted: true, Nanoseconds: int64(length), Printed: length.String()}
	}
	schedule, err := parsers[asked.Library](asked.Expression)
	if err != nil {
		return answer{Error: err.Error()}
	}
	given.Accepted = true
	run := asked.After.UTC()
	for len(given.Runs) < asked.Count {
		next := make(chan time.Time, 1)
		go func(after time.Time) { next <- schedule.Next(after) }(run)
		select {
		case run = <-next:
		case <-time.After(patience):
			given.Stuck = true
			return given
		}
		if run.IsZero() {
			break
		}
		given.Runs = append(given.Runs, run.Format(time.RFC3339))
	}
	return given
}
