"""What is under way, for people who wait."""

from __future__ import annotations

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from flawless.cli import output


class ShownProgress:
    """What takes more than a moment, as a bar on terminals and as lines elsewhere."""

    def __init__(self) -> None:
        self._stages: set[str] = set()
        self._bar: Progress | None = None
        self._closed = False

    def __enter__(self) -> ShownProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, text: str, fraction: float | None) -> None:
        """Show how far a stage has come; what has no share is done each time."""
        if self._closed:
            return
        console = output.console(stderr=True)
        if not console.is_terminal:
            if text not in self._stages:
                self._stages.add(text)
                output.note(f"{text}{'' if fraction is None else ' (once on this machine)'} ...")
            return
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=console, transient=True)
            self._bar.start()
        known = next((task for task in self._bar.tasks if task.description == text), None)
        if known is None:
            for task in self._bar.tasks:
                self._bar.update(task.id, total=100.0, completed=100.0)
            identifier = self._bar.add_task(text, total=None if fraction is None else 100.0)
        else:
            identifier = known.id
        if fraction is not None:
            self._bar.update(identifier, total=100.0, completed=100.0 * fraction)

    def close(self) -> None:
        """Take the bar away."""
        self._closed = True
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
