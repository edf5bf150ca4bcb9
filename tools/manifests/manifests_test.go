// Package manifests tests k8s/: it renders the overlays as kubectl does, and looks for what would otherwise be found in a
// cluster, or at night.
package manifests

import (
	"bytes"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	podsecurity "k8s.io/pod-security-admission/api"
	checks "k8s.io/pod-security-admission/policy"
)

func TestManifests(t *testing.T) {
	t.Parallel()
	known := namesInCode(t)
	for _, overlay := range []string{"local", "production"} {
		for _, components := range []string{"as it is", "with all components"} {
			t.Run(overlay+" "+components, func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(copied(t), "overlays", overlay)
				if components == "with all components" {
					file := filepath.Join(dir, "kustomization.yaml")
					write(t, file, bytes.ReplaceAll(read(t, file), []byte("# - ../../components/"), []byte("- ../../components/")))
				}
				all := decode(t, render(t, dir))
				if overlay == "production" { // whoever runs it provides the secrets
					all = append(all, decode(t, read(t, filepath.Join(dir, "secrets.example.yaml")))...)
				}
				c := newCluster(all)
				for _, w := range c.workloads {
					c.checkPod(t, w)
					c.checkReferences(t, w)
					c.checkNames(t, w, known)
				}
				for _, o := range all {
					c.checkTarget(t, o)
				}
			})
		}
	}
}

// workload is whatever has pods.
type workload struct {
	name     string
	replicas *int32
	pod      core.PodTemplateSpec
}

// cluster is what the objects of an overlay make together.
type cluster struct {
	workloads       []workload
	keys            map[string][]string // of each Secret and ConfigMap
	serviceAccounts map[string]bool
	services        map[string]*core.Service
}

func newCluster(all []object) cluster {
	c := cluster{keys: map[string][]string{}, serviceAccounts: map[string]bool{}, services: map[string]*core.Service{}}
	for _, o := range all {
		switch o := o.(type) {
		case *apps.Deployment:
			c.workloads = append(c.workloads, workload{o.Name, o.Spec.Replicas, o.Spec.Template})
		case *apps.StatefulSet:
			c.workloads = append(c.workloads, workload{o.Name, o.Spec.Replicas, o.Spec.Template})
		case *core.ConfigMap:
			c.keys["ConfigMap "+o.Name] = slices.Collect(maps.Keys(o.Data))
		case *core.Secret:
			c.keys["Secret "+o.Name] = slices.AppendSeq(slices.Collect(maps.Keys(o.Data)), maps.Keys(o.StringData))
		case *certmanager.Certificate:
			c.keys["Secret "+o.Spec.SecretName] = []string{"tls.crt", "tls.key", "ca.crt"}
		case *core.ServiceAccount:
			c.serviceAccounts[o.Name] = o.AutomountServiceAccountToken != nil && !*o.AutomountServiceAccountToken
		case *core.Service:
			c.services[o.Name] = o
		}
	}
	return c
}

// checkPod looks at what the pod may do, what it takes, and how it ends.
func (c cluster) checkPod(t *testing.T, w workload) {
	spec := w.pod.Spec
	evaluator, err := checks.NewEvaluator(checks.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	if r := checks.AggregateCheckResults(evaluator.EvaluatePod(restricted, &w.pod.ObjectMeta, &spec)); !r.Allowed {
		t.Errorf("%s is not restricted: %s", w.name, r.ForbiddenDetail())
	}
	if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken || !c.serviceAccounts[spec.ServiceAccountName] {
		t.Errorf("%s must have no token, by itself and by its service account %q", w.name, spec.ServiceAccountName)
	}
	if spec.EnableServiceLinks == nil || *spec.EnableServiceLinks {
		t.Errorf("%s has service links", w.name)
	}
	for _, container := range spec.Containers {
		where, limits, requests := w.name+"/"+container.Name, container.Resources.Limits, container.Resources.Requests
		if requests.Cpu().IsZero() || requests.Memory().IsZero() || limits.Memory().IsZero() {
			t.Errorf("%s needs requests, and a limit of memory", where)
		}
		if !limits.Cpu().IsZero() {
			t.Errorf("%s has a limit of the processor", where)
		}
		for _, e := range container.Env {
			goLimit, err := resource.ParseQuantity(strings.TrimSuffix(e.Value, "B"))
			if ours := limits.Memory().Value(); e.Name == "GOMEMLIMIT" && (err != nil || goLimit.Value() > ours*9/10 || goLimit.Value() < ours/2) {
				t.Errorf("%s: GOMEMLIMIT is %q and the limit %s", where, e.Value, limits.Memory())
			}
		}
		for _, p := range []*core.Probe{container.StartupProbe, container.ReadinessProbe, container.LivenessProbe} {
			if p == nil || p.ProbeHandler == (core.ProbeHandler{}) {
				t.Errorf("%s lacks a probe", where)
			} else if p.GRPC != nil {
				port(t, w, func(q core.ContainerPort) bool { return q.ContainerPort == p.GRPC.Port }, "probe")
			} else if p.HTTPGet != nil {
				port(t, w, func(q core.ContainerPort) bool { return q.Name == p.HTTPGet.Port.StrVal }, "probe")
			}
		}
		if s := container.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
			t.Errorf("%s may write to its root file system", where)
		}
		if _, tag, _ := strings.Cut(container.Image, ":"); tag == "" || tag == "latest" || container.ImagePullPolicy != core.PullIfNotPresent {
			t.Errorf("%s: image %q needs a tag, and to be pulled if it is not there", where, container.Image)
		}
		if w.pod.Labels["app.kubernetes.io/component"] != "service" {
			continue
		}
		// Calls under way have 15 seconds, and then jobs under way 10.
		if hook := container.Lifecycle; hook == nil || hook.PreStop == nil || hook.PreStop.Sleep == nil ||
			*spec.TerminationGracePeriodSeconds < hook.PreStop.Sleep.Seconds+15+10+5 {
			t.Errorf("%s may be killed before it is done", where)
		}
	}
}

// checkReferences looks whether everything that the pod names is there.
func (c cluster) checkReferences(t *testing.T, w workload) {
	at := map[string][]string{} // the files in each volume
	for _, v := range w.pod.Spec.Volumes {
		var name string
		switch {
		case v.Secret != nil:
			name = "Secret " + v.Secret.SecretName
		case v.ConfigMap != nil:
			name = "ConfigMap " + v.ConfigMap.Name
		default:
			continue
		}
		if at[v.Name] = c.keys[name]; at[v.Name] == nil {
			t.Errorf("%s: %s is not there", w.name, name)
		}
	}
	for _, container := range w.pod.Spec.Containers {
		var files []string
		for _, m := range container.VolumeMounts {
			if m.SubPath != "" {
				t.Errorf("%s: %s is mounted by subPath, and so never renewed", w.name, m.Name)
			}
			for _, file := range at[m.Name] {
				files = append(files, filepath.Join(m.MountPath, file))
			}
		}
		for _, e := range container.Env {
			if strings.HasSuffix(e.Name, "_FILE") && !slices.Contains(files, e.Value) {
				t.Errorf("%s: %s=%s is not among its files: %v", w.name, e.Name, e.Value, files)
			}
		}
		for _, from := range container.EnvFrom {
			if from.ConfigMapRef == nil || c.keys["ConfigMap "+from.ConfigMapRef.Name] == nil {
				t.Errorf("%s: its environment comes from what is not there: %v", w.name, from)
			}
		}
	}
}

// checkNames looks whether the code knows the names in the environment.
func (c cluster) checkNames(t *testing.T, w workload, known string) {
	if w.pod.Labels["app.kubernetes.io/component"] != "service" {
		return
	}
	var names []string
	for _, container := range w.pod.Spec.Containers {
		for _, e := range container.Env {
			names = append(names, e.Name)
		}
		for _, from := range container.EnvFrom {
			names = append(names, c.keys["ConfigMap "+from.ConfigMapRef.Name]...)
		}
	}
	others := regexp.MustCompile(`^(OTEL_.*|GOMEMLIMIT|POD_NAME)$`)
	for _, name := range names {
		if !others.MatchString(name) && !strings.Contains(known, `"`+strings.TrimSuffix(name, "_FILE")+`"`) {
			t.Errorf("%s: no code reads %s", w.name, name)
		}
	}
}

// checkTarget looks whether what an object points to is there.
func (c cluster) checkTarget(t *testing.T, o object) {
	switch o := o.(type) {
	case *apps.Deployment:
		c.selected(t, "deployment "+o.Name, o.Spec.Selector)
	case *autoscaling.HorizontalPodAutoscaler:
		i := slices.IndexFunc(c.workloads, func(w workload) bool { return w.name == o.Spec.ScaleTargetRef.Name })
		if i < 0 || c.workloads[i].replicas != nil {
			t.Errorf("autoscaler %s: its target is not there, or says itself how many there are", o.Name)
		}
	case *policy.PodDisruptionBudget:
		c.selected(t, "budget "+o.Name, o.Spec.Selector)
	case *monitoring.PodMonitor:
		for _, w := range c.selected(t, "monitor "+o.Name, &o.Spec.Selector) {
			for _, e := range o.Spec.PodMetricsEndpoints {
				port(t, w, func(p core.ContainerPort) bool { return p.Name == *e.Port }, "monitor "+o.Name)
			}
		}
	case *core.Service:
		for _, w := range c.selected(t, "service "+o.Name, &meta.LabelSelector{MatchLabels: o.Spec.Selector}) {
			for _, p := range o.Spec.Ports {
				port(t, w, func(q core.ContainerPort) bool {
					// Without an address of the Service clients go to the pods' own ports.
					return q.Name == p.TargetPort.StrVal && (o.Spec.ClusterIP != core.ClusterIPNone || q.ContainerPort == p.Port)
				}, "service "+o.Name)
			}
		}
	case *networking.Ingress:
		for _, rule := range o.Spec.Rules {
			for _, path := range rule.HTTP.Paths {
				s := c.services[path.Backend.Service.Name]
				if s == nil || !slices.ContainsFunc(s.Spec.Ports, func(p core.ServicePort) bool { return p.Name == path.Backend.Service.Port.Name }) {
					t.Errorf("ingress %s: %s leads nowhere", o.Name, path.Path)
				}
			}
		}
	case *networking.NetworkPolicy:
		c.checkPolicy(t, o)
	}
}

// checkPolicy looks whether the pods are there that a policy is about, and its ports open on them.
func (c cluster) checkPolicy(t *testing.T, o *networking.NetworkPolicy) {
	where := "policy " + o.Name
	open := func(to []workload, ports []networking.NetworkPolicyPort) {
		for _, w := range to {
			for _, p := range ports {
				port(t, w, func(q core.ContainerPort) bool { return q.ContainerPort == p.Port.IntVal }, where)
			}
		}
	}
	peers := func(peers []networking.NetworkPolicyPeer) (all []workload) {
		for _, p := range peers {
			if p.PodSelector != nil && p.NamespaceSelector == nil {
				all = append(all, c.selected(t, where, p.PodSelector)...)
			}
		}
		return all
	}
	about := c.selected(t, where, &o.Spec.PodSelector)
	for _, rule := range o.Spec.Ingress {
		peers(rule.From)
		open(about, rule.Ports)
	}
	for _, rule := range o.Spec.Egress {
		open(peers(rule.To), rule.Ports)
	}
}

// selected are the workloads that a selector selects: one at least for each value that it lists.
func (c cluster) selected(t *testing.T, where string, s *meta.LabelSelector) (all []workload) {
	selector, err := meta.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range c.workloads {
		if selector.Matches(labels.Set(w.pod.Labels)) {
			all = append(all, w)
		}
	}
	if _, others := s.MatchLabels["acme.cert-manager.io/http01-solver"]; others {
		return nil // cert-manager makes these
	}
	want := 1
	for _, e := range s.MatchExpressions {
		want = max(want, len(e.Values))
	}
	if len(all) < want {
		t.Errorf("%s selects %d workloads, not %d: %s", where, len(all), want, selector)
	}
	return all
}

func port(t *testing.T, w workload, is func(core.ContainerPort) bool, where string) {
	for _, container := range w.pod.Spec.Containers {
		if slices.ContainsFunc(container.Ports, is) {
			return
		}
	}
	t.Errorf("%s: %s has no such port", where, w.name)
}
