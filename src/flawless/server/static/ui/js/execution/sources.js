// The code that an execution runs on: its deployment's modules, loaded when they are wanted.

export class Sources {
  constructor(app) {
    this.app = app;
    this.loaded = new Map(); // what was asked for -> {value} or {problem}, or {} on its way
  }

  // The deployment's document: `{value}`, `{problem}`, or `{}` while it is on its way.
  deployment(id) {
    return this.look(deploymentPath(id));
  }

  // A module with its source, by the file of a frame: `demo.py`, or a whole path of a step's.
  file(deployment, file) {
    const { value, problem } = this.deployment(deployment);
    if (!value) return { problem };
    const found = moduleOf(value.modules, file);
    if (!found) return { problem: { message: `${file} is not part of the deployment` } };
    return this.module(deployment, found.name);
  }

  // The module in which a workflow is: of Rust, each file is one, and they have the crate's name.
  definition(deployment, workflow) {
    const { value, problem } = this.deployment(deployment);
    if (!value) return { problem };
    const found = value.modules.find((one) => one.file === workflow.file);
    return this.module(deployment, found?.name ?? workflow.module);
  }

  module(deployment, name) {
    return this.look(`${deploymentPath(deployment)}/modules/${encodeURIComponent(name)}`);
  }

  // The workflow's description in the deployment; else in that of new executions.
  workflow(detail) {
    const { value, problem } = this.deployment(detail.deployment);
    const named = (list) => list?.find((one) => one.name === detail.workflow);
    if (value) return { value: named(value.workflows) };
    if (!problem) return {};
    const current = this.look("workflows");
    return current.value ? { value: named(current.value.workflows) } : current;
  }

  // The same, once it is known.
  async wholeWorkflow(detail) {
    this.deployment(detail.deployment);
    await this.loaded.get(deploymentPath(detail.deployment)).done;
    this.workflow(detail);
    await this.loaded.get("workflows")?.done;
    return this.workflow(detail).value;
  }

  look(path) {
    const known = this.loaded.get(path);
    if (known) return known;
    const entry = {};
    this.loaded.set(path, entry);
    entry.done = this.app.api.get(path).then(
      (value) => this.keep(path, { value }),
      (problem) => {
        this.keep(path, { problem });
        // What could not be reached may be there when it is wanted again.
        if (problem.unreachable) setTimeout(() => this.loaded.delete(path), 3_000);
      },
    );
    return entry;
  }

  keep(path, entry) {
    this.loaded.set(path, entry);
    this.app.update();
  }
}

function deploymentPath(id) {
  return `deployments/${encodeURIComponent(id)}`;
}

// The longest path that a file ends with wins: `shop/orders.py` before `orders.py`.
function moduleOf(modules, file) {
  const wanted = `/${file.replaceAll("\\", "/")}`;
  return modules
    .filter((one) => one.file && wanted.endsWith(`/${one.file}`))
    .reduce((best, one) => (!best || one.file.length > best.file.length ? one : best), null);
}
