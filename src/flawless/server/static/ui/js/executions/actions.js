// What can be done with many executions at once, and what each of that means.
//
// `reason`: it takes one. `id`: it takes one, by which the server knows that it is asked again.

export const ACTIONS = {
  cancel: {
    verb: "Cancel",
    done: "cancelled",
    danger: true,
    reason: true,
    id: true,
    consequences:
      "The workflow is told where it waits, and may clean up before it ends. What it has done so far is kept.",
    applies: (execution) => ["running", "waiting", "parked"].includes(execution.status),
  },
  terminate: {
    verb: "Terminate",
    done: "terminated",
    danger: true,
    reason: true,
    id: true,
    consequences:
      "It ends at once: no code of the workflow runs any more, nothing is cleaned up or compensated. This cannot be undone.",
    applies: (execution) => ["running", "waiting", "parked"].includes(execution.status),
  },
  retry: {
    verb: "Retry",
    done: "retried",
    danger: false,
    reason: false,
    id: false,
    consequences:
      "It goes on from the effect that failed. What it had done before is kept, and not done again.",
    applies: (execution) => execution.status === "failed",
  },
};
