// Our own line icons on a 16 × 16 grid; decoration only, so hidden from screen readers.
const paths = {
  overview: "M2 13.5h12M4 11V7.5M8 11V3.5M12 11V6",
  logs: "M2.5 4h11M2.5 8h11M2.5 12h7",
  traces: "M2 4h6M5 8h7M8.5 12H14",
  services: "M3 3h4v4H3zM9 3h4v4H9zM3 9h4v4H3zM9 9h4v4H9z",
  map: "M3.5 8m-1.7 0a1.7 1.7 0 1 0 3.4 0a1.7 1.7 0 1 0-3.4 0M12.5 4m-1.7 0a1.7 1.7 0 1 0 3.4 0a1.7 1.7 0 1 0-3.4 0M12.5 12m-1.7 0a1.7 1.7 0 1 0 3.4 0a1.7 1.7 0 1 0-3.4 0M5.1 7.3 10.9 4.7M5.1 8.7l5.8 2.6",
  search: "M7 7m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0M10.3 10.3 14 14",
  clock: "M8 8m-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0M8 4.8V8l2.2 1.6",
  refresh: "M13.2 6.5A5.5 5.5 0 0 0 3.2 5.6M2.8 9.5a5.5 5.5 0 0 0 10 .9M3 2.8v3h3M13 13.2v-3h-3",
  close: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  only: "M8 8m-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0M8 8m-1.3 0a1.3 1.3 0 1 0 2.6 0a1.3 1.3 0 1 0-2.6 0",
  check: "M3 8.5 6.5 12 13 4.5",
  warn: "M8 2.5 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.2",
  play: "M5 3.5v9l7.5-4.5z",
  pause: "M5.2 3.5v9M10.8 3.5v9",
  chevron: "M6 4l4 4-4 4",
  down: "M4 6l4 4 4-4",
  up: "M4 10l4-4 4 4",
  left: "M10 4 6 8l4 4",
  sun: "M8 8m-2.8 0a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0-5.6 0M8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1",
  moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6z",
  system: "M2 3h12v8H2zM5.5 13.5h5M8 11v2.5",
  help: "M8 8m-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0M6.2 6.3a1.8 1.8 0 1 1 2.6 1.6c-.6.3-.8.6-.8 1.2M8 11.2v.2",
  out: "M9.5 2.5H3v11h6.5M6.5 8H14M11.5 5.5 14 8l-2.5 2.5",
  download: "M8 2.5v7.5M5 7.2 8 10.2l3-3M3 13.5h10",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  link: "M6.7 9.3l2.6-2.6M7.3 4.7l1.2-1.2a2.8 2.8 0 0 1 4 4l-1.2 1.2M8.7 11.3l-1.2 1.2a2.8 2.8 0 0 1-4-4l1.2-1.2",
  edge: "M8 1.8 13.5 4v4c0 3.2-2.3 5.4-5.5 6.4C4.8 13.4 2.5 11.2 2.5 8V4z",
  service: "M8 1.8 13.4 4.9v6.2L8 14.2 2.6 11.1V4.9zM2.8 5 8 8l5.2-3M8 8v6",
  database: "M2.8 4c0-1.2 2.3-2 5.2-2s5.2.8 5.2 2-2.3 2-5.2 2-5.2-.8-5.2-2zM2.8 4v8c0 1.2 2.3 2 5.2 2s5.2-.8 5.2-2V4M2.8 8c0 1.2 2.3 2 5.2 2s5.2-.8 5.2-2",
  external: "M8 8m-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0M2 8h12M8 2c3.6 3.6 3.6 8.4 0 12M8 2c-3.6 3.6-3.6 8.4 0 12",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true" class="mark">
      <path d="M16 4a12 12 0 1 1-8.5 3.5" stroke="currentColor" stroke-width="3.6" stroke-linecap="round" />
      <circle cx="16" cy="16" r="4.6" fill="currentColor" />
    </svg>
  );
}
