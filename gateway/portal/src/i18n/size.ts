/** A size in bytes for people: 340 KB, 1.2 MB. */
export function fileSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 ** 2) return `${Math.round(bytes / 1024)} KB`
  const size = bytes / 1024 ** 2
  return `${size >= 10 ? Math.round(size) : size.toFixed(1)} MB`
}
