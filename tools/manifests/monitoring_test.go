package manifests

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	promlabels "github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	core "k8s.io/api/core/v1"
)

// expression is a query, where it is, and which namespace alone it may be about.
type expression struct{ where, query, namespace string }

// TestMonitoring looks whether the alerts and the dashboard ask for what there is. A query for a metric with a wrong name is no error
// to Prometheus: it is an alert that never comes, or a panel that is empty on the night it was made for.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(copied(t), "overlays", "production")
	file := filepath.Join(dir, "kustomization.yaml")
	write(t, file, []byte(strings.ReplaceAll(string(read(t, file)), "# - ../../components/", "- ../../components/")))

	var all []expression
	var dashboard, rules bool
	for _, o := range decode(t, render(t, dir)) {
		switch o := o.(type) {
		case *monitoring.PrometheusRule:
			rules = true
			all = append(all, ofRules(t, o)...)
		case *core.ConfigMap:
			if o.Labels["grafana_dashboard"] == "1" {
				dashboard = true
				all = append(all, ofDashboard(t, o.Data["dashboard.json"])...)
			}
		}
	}
	if !dashboard || !rules {
		t.Fatalf("the dashboard is there: %v; the rules are: %v", dashboard, rules)
	}
	code := namesInCode(t)
	made := exported(code)
	for _, e := range all {
		checkQuery(t, e, code, made)
	}
}

func ofRules(t *testing.T, o *monitoring.PrometheusRule) (all []expression) {
	for _, g := range o.Spec.Groups {
		for _, r := range g.Rules {
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s does not say what is the matter, what to do, and how bad it is", r.Alert)
			}
			checkRunbook(t, r)
			all = append(all, expression{"alert " + r.Alert, r.Expr.String(), ""})
		}
	}
	return all
}

// checkRunbook looks whether an alert leads to a page that says what to do, and whether the index of those pages says whom it wakes.
func checkRunbook(t *testing.T, r monitoring.Rule) {
	const runbooks = "docs/runbooks/"
	if !strings.HasSuffix(r.Annotations["runbook_url"], "/"+runbooks+r.Alert+".md") {
		t.Errorf("%s has the runbook %q", r.Alert, r.Annotations["runbook_url"])
	}
	page := string(read(t, filepath.Join(root, runbooks, r.Alert+".md")))
	for _, part := range []string{"# " + r.Alert + ": ", "**Look", "**Over**"} {
		if !strings.Contains(page, part) {
			t.Errorf("the runbook of %s has no %q", r.Alert, part)
		}
	}
	wakes := "| |"
	if r.Labels["severity"] == "critical" {
		wakes = "| yes |"
	}
	if line := fmt.Sprintf("[%s](%s.md) %s", r.Alert, r.Alert, wakes); !strings.Contains(string(read(t, filepath.Join(root, runbooks, "README.md"))), line) {
		t.Errorf("the index of runbooks has no line %q", line)
	}
}

// ofDashboard looks also whether each panel says what it means.
func ofDashboard(t *testing.T, text string) (all []expression) {
	var d struct {
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
		Panels []struct {
			ID                       int
			Type, Title, Description string
			Targets                  []struct{ Expr string }
			FieldConfig              struct{ Defaults struct{ Unit string } }
		}
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	// Grafana puts the values of its variables in.
	set := strings.NewReplacer("$namespace", "chosen", "$__rate_interval", "1m", "$__range", "3h")
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			series, _, _ := strings.Cut(strings.TrimPrefix(v.Definition, "label_values("), ",")
			all = append(all, expression{"variable " + v.Name, series, ""})
		}
	}
	var ids []int
	for _, p := range d.Panels {
		if slices.Contains(ids, p.ID) {
			t.Errorf("panel %q has the id of another one", p.Title)
		}
		ids = append(ids, p.ID)
		if p.Type != "row" && (p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0) {
			t.Errorf("panel %q needs a title, a description, a unit and a query", p.Title)
		}
		for _, target := range p.Targets {
			all = append(all, expression{"panel " + p.Title, set.Replace(target.Expr), "chosen"})
		}
	}
	return all
}

// checkQuery looks whether a query can be read, and whether the code makes the metrics of ours in it, with those labels.
func checkQuery(t *testing.T, e expression, code string, made []string) {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(e.query)
	if err != nil {
		t.Errorf("%s: %v in %s", e.where, err, e.query)
		return
	}
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		s, is := n.(*parser.VectorSelector)
		if !is {
			return nil
		}
		if e.namespace != "" && !slices.ContainsFunc(s.LabelMatchers, func(m *promlabels.Matcher) bool {
			return m.Name == "namespace" && m.Type == promlabels.MatchEqual && m.Value == e.namespace
		}) {
			t.Errorf("%s shows %s of all namespaces at once", e.where, s.Name)
		}
		if !strings.HasPrefix(s.Name, "bling_") {
			return nil
		}
		if !slices.Contains(made, s.Name) {
			t.Errorf("%s: no code makes %s; there are %v", e.where, s.Name, made)
		}
		for _, m := range s.LabelMatchers {
			if m.Name != "__name__" && m.Name != "namespace" {
				checkLabel(t, e, s.Name, m, code)
			}
		}
		return nil
	})
}

// checkLabel looks whether the code has such a label, and somewhere the values. Patterns with more than words and | are not looked at.
func checkLabel(t *testing.T, e expression, metric string, m *promlabels.Matcher, code string) {
	if !strings.Contains(code, `attribute.String("`+m.Name+`"`) {
		t.Errorf("%s: %s has no label %s", e.where, metric, m.Name)
	}
	if !regexp.MustCompile(`^[a-z_ |]+$`).MatchString(m.Value) {
		return
	}
	for value := range strings.SplitSeq(m.Value, "|") {
		if !strings.Contains(code, `"`+value+`"`) {
			t.Errorf("%s: no code knows the %s %q of %s", e.where, m.Name, value, metric)
		}
	}
}

// exported are the names under which Prometheus gets the metrics that the code makes. The exporter adds the unit, and to counters that
// they are one: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#metric-metadata-1.
func exported(code string) (all []string) {
	instrument := regexp.MustCompile(`\.(?:Int64|Float64)(Counter|Histogram|ObservableGauge)\("(bling_\w+)",\s*(metric\.WithUnit\("s"\))?`)
	for _, m := range instrument.FindAllStringSubmatch(code, -1) {
		name := m[2]
		if m[3] != "" {
			name += "_seconds"
		}
		switch m[1] {
		case "Counter":
			all = append(all, name+"_total")
		case "Histogram":
			all = append(all, name+"_bucket", name+"_sum", name+"_count")
		default:
			all = append(all, name)
		}
	}
	return all
}
