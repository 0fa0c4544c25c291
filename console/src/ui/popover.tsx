// A button with a panel below it.  Escape, a click elsewhere and leaving with Tab close it; the focus comes back.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface Props {
  label: ComponentChildren;
  title: string; // what the button does, for screen readers and as a tooltip
  class?: string;
  align?: "left" | "right";
  testid?: string;
  children: (close: () => void) => ComponentChildren;
}

export function Popover({ label, title, class: extra = "", align = "right", testid, children }: Props) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    root.current?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);
  return (
    <div
      class={`popover ${open ? "popover-open" : ""}`}
      ref={root}
      onKeyDown={(event) => {
        if (open && event.key === "Escape") {
          event.preventDefault();
          close();
        }
      }}
    >
      <button ref={button} type="button" class={`button ${extra}`} aria-label={title} title={title} aria-haspopup="dialog" aria-expanded={open} data-testid={testid} onClick={() => setOpen(!open)}>
        {label}
      </button>
      {open && (
        <div class={`popover-panel popover-${align}`} role="dialog" aria-label={title}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
