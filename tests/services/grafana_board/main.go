// Reads a dashboard as strictly as Grafana's own model of one allows: a member that no panel type has, a value of
// another type, and a bound that is passed are all faults. Prints what it has read, for the test to hold against the file.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

type summary struct {
	UID     string         `json:"uid"`
	Panels  map[string]int `json:"panels"`
	Queries []string       `json:"queries"`
}

func read(path string) (*summary, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	// Where there is no fault the SDK makes an error that holds none, and leaves panels out: so it is read once more.
	var strict, board dashboard.Dashboard
	var faults cog.BuildErrors
	if err := strict.UnmarshalJSONStrict(raw); err != nil && !(errors.As(err, &faults) && len(faults) == 0) {
		return nil, err
	}
	if err := json.Unmarshal(raw, &board); err != nil {
		return nil, err
	}
	if err := board.Validate(); err != nil {
		return nil, err
	}
	out := &summary{Panels: map[string]int{}}
	if board.Uid != nil {
		out.UID = *board.Uid
	}
	for _, each := range board.Panels {
		if each.RowPanel != nil {
			out.Panels[each.RowPanel.Type]++
			continue
		}
		out.Panels[each.Panel.Type]++
		for _, target := range each.Panel.Targets {
			query, ok := target.(*prometheus.Dataquery)
			if !ok {
				return nil, fmt.Errorf("panel %v: a query of another kind: %T", *each.Panel.Title, target)
			}
			out.Queries = append(out.Queries, query.Expr)
		}
	}
	return out, nil
}

func main() {
	plugins.RegisterDefaultPlugins()
	told, err := read(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
