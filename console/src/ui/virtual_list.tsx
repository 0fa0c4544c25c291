// A long list of rows of one height, of which only those in sight exist.  It is one stop of the Tab key; arrows, Home,
// End and the page keys move the selection, which screen readers follow through aria-activedescendant.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props<T> {
  rows: readonly T[];
  rowHeight: number;
  label: string;
  selected: number; // -1: none
  onSelect: (index: number) => void;
  onOpen: (index: number) => void;
  rowKey: (row: T, index: number) => string;
  render: (row: T, index: number) => ComponentChildren;
  rowClass?: (row: T, index: number) => string;
  testid?: string;
  rowTestid?: string;
  header?: ComponentChildren; // stays at the top
  footer?: ComponentChildren;
  onTop?: (atTop: boolean) => void;
  keepPlace?: boolean; // rows arrive at the top while the reader is further down
  expanded?: (row: T) => boolean | undefined;
  level?: (row: T) => number;
}

const overscan = 8;

export function VirtualList<T>(p: Props<T>) {
  const box = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const firstKey = useRef("");
  const tree = p.level !== undefined;
  const headHeight = () => head.current?.offsetHeight ?? 0;

  useLayoutEffect(() => {
    const element = box.current!;
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // Rows put in above push what is being read downward: the scroll position follows.
  useLayoutEffect(() => {
    const element = box.current!;
    const before = firstKey.current;
    firstKey.current = p.rows.length > 0 ? p.rowKey(p.rows[0]!, 0) : "";
    if (!p.keepPlace || before === "" || before === firstKey.current || element.scrollTop < p.rowHeight) return;
    const added = p.rows.findIndex((row, i) => p.rowKey(row, i) === before);
    if (added > 0) element.scrollTop += added * p.rowHeight;
  }, [p.rows]);

  useEffect(() => {
    if (p.selected < 0) return;
    const element = box.current!;
    const top = p.selected * p.rowHeight;
    const room = element.clientHeight - headHeight();
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + p.rowHeight > element.scrollTop + room) element.scrollTop = top + p.rowHeight - room;
  }, [p.selected]);

  const first = Math.max(0, Math.floor(view.top / p.rowHeight) - overscan);
  const last = Math.min(p.rows.length, Math.ceil((view.top + view.height) / p.rowHeight) + overscan);
  const id = (index: number) => `${p.testid ?? "list"}-row-${index}`;
  const page = Math.max(1, Math.floor(view.height / p.rowHeight) - 2);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== box.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -p.rows.length, End: p.rows.length };
    const by = moves[event.key];
    if (by !== undefined && p.rows.length > 0) {
      event.preventDefault();
      p.onSelect(Math.min(p.rows.length - 1, Math.max(0, p.selected < 0 ? (by > 0 ? 0 : p.rows.length - 1) : p.selected + by)));
    }
    if ((event.key === "Enter" || event.key === " ") && p.selected >= 0) {
      event.preventDefault();
      p.onOpen(p.selected);
    }
  };

  return (
    <div
      class="vlist"
      ref={box}
      tabIndex={0}
      role={tree ? "treegrid" : "grid"}
      aria-label={p.label}
      aria-rowcount={p.rows.length}
      aria-activedescendant={p.selected >= first && p.selected < last ? id(p.selected) : undefined}
      data-testid={p.testid}
      onKeyDown={onKeyDown}
      onScroll={(event) => {
        const element = event.currentTarget;
        setView({ top: element.scrollTop, height: element.clientHeight });
        p.onTop?.(element.scrollTop < p.rowHeight);
      }}
    >
      {p.header && <div class="vlist-head" ref={head} role="row">{p.header}</div>}
      <div class="vlist-body" role="presentation" style={{ height: `${p.rows.length * p.rowHeight}px` }}>
        {p.rows.slice(first, last).map((row, i) => {
          const index = first + i;
          return (
            <div
              key={p.rowKey(row, index)}
              id={id(index)}
              role="row"
              aria-rowindex={index + 1}
              aria-selected={index === p.selected}
              aria-expanded={p.expanded?.(row)}
              aria-level={p.level ? p.level(row) + 1 : undefined}
              class={`vrow ${index === p.selected ? "vrow-selected" : ""} ${p.rowClass?.(row, index) ?? ""}`}
              style={{ top: `${index * p.rowHeight}px`, height: `${p.rowHeight}px` }}
              data-testid={p.rowTestid}
              onClick={() => p.onOpen(index)}
            >
              {p.render(row, index)}
            </div>
          );
        })}
      </div>
      {p.footer}
    </div>
  );
}
