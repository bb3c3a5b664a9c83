// The same Deployment in @ngrok/webernetes, another Kubernetes for browsers: its API objects, controllers and kubelets are
// TypeScript on the page's own thread, its network is function calls. It is measured on an empty page of the same browser.
import { build } from 'esbuild';

const ENTRY = `
import { Cluster } from '@ngrok/webernetes';

/** Milliseconds until the pods of its own parts are Ready, and from apply until the Deployment is available. */
globalThis.deployment = async (nodes, manifest, patience) => {
  const cluster = new Cluster({ nodes });
  const isReady = (pod) => pod.status?.conditions?.some((it) => it.type === 'Ready' && it.status === 'True');
  const when = (resource, options, holds) => new Promise((done, fail) => {
    const known = new Map();
    setTimeout(() => fail(new Error([...known.values()].map((it) => JSON.stringify(it.status)).slice(-1)[0])), patience);
    cluster.informer(resource, (type, object) => {
      known.set(object.metadata.name, object);
      if (holds([...known.values()])) done();
    }, options);
  });
  let started = performance.now();
  await cluster.init();
  const own = await cluster.api.corev1.listNamespacedPod({ namespace: 'kube-system' });
  await when('pods', { namespace: 'kube-system' }, (pods) => pods.filter(isReady).length >= own.items.length);
  const boot = performance.now() - started;
  const all = when('deployments', {}, ([it]) => it.status?.availableReplicas === manifest.spec.replicas);
  started = performance.now();
  await cluster.apply([manifest]);
  await all;
  return { boot, deployment: performance.now() - started };
};
`;

/** Puts `deployment` into a page. */
export async function load(page) {
  const bundle = { contents: ENTRY, resolveDir: import.meta.dirname };
  const { outputFiles } = await build({ stdin: bundle, bundle: true, write: false, format: 'iife', define: { global: 'globalThis' } });
  await page.addScriptTag({ content: outputFiles[0].text });
}
