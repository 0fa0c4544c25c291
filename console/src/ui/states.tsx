// What is shown when there is nothing to show: why, and what to do.
import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/client";
import { Icon } from "./icons";

export function ErrorNote({ error, compact }: { error: ApiError; compact?: boolean }) {
  return (
    <div class={`note note-error${compact ? " note-compact" : ""}`} role="alert" data-testid="error-note">
      <Icon name="warn" />
      <div>
        <div class="note-title">{error.message}</div>
        {error.hint && <div class="note-hint">{error.hint}</div>}
      </div>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty" data-testid="empty">
      <div class="empty-title">{title}</div>
      {children && <div class="empty-text">{children}</div>}
    </div>
  );
}

// Grey lines in the shape of what will come.
export function Skeleton({ lines = 6 }: { lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="loading">
      {Array.from({ length: lines }, (_, i) => (
        <div key={i} class={`skeleton-line skeleton-${i % 4}`} />
      ))}
    </div>
  );
}

export function Busy({ on }: { on: boolean }) {
  return <div class={`busy${on ? " busy-on" : ""}`} aria-hidden="true" />;
}
