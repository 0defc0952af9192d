"""Flawless, as seen by workflow code inside a guest."""

from flawless import http
from flawless._execution import execution_id
from flawless._futures import Future
from flawless._public import __getattr__
from flawless._steps import Step, step
from flawless._timers import sleep
from flawless._workflows import Workflow, workflow
from flawless.errors import *
from flawless.refusals import HTTPStatusError, NativeOnly, NotInWorkflow
