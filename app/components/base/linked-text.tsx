/** A text of a workshop's file, with its https addresses as links. */
export function LinkedText({ text }: { text: string }) {
  return (
    <>
      {text.split(/(https:\/\/[^\s<>"]*[^\s<>".,;:!?)\]])/).map((part, index) =>
        index % 2 === 1 ? (
          <a key={index} className="prose-link" href={part}>
            {part}
          </a>
        ) : (
          part
        ),
      )}
    </>
  )
}
