// Keeps the stock on a product page current, over a WebSocket.  The page is complete without it.
const marks = new Map([...document.querySelectorAll('[data-stock]')].map((mark) => [Number(mark.dataset.stock), mark]))

function stockText(stock) {
  if (stock === 0) return 'sold out'
  return stock <= 20 ? `only ${stock} left` : `${stock} in stock`
}

function connect(delayMs) {
  const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`)
  let next = Math.min(delayMs * 2, 30_000)
  socket.onopen = () => {
    next = 500
    socket.send(JSON.stringify({ watch: [...marks.keys()] }))
  }
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data)
    const mark = message.type === 'stock' ? marks.get(message.id) : undefined
    if (!mark || mark.textContent === stockText(message.stock)) return
    mark.textContent = stockText(message.stock)
    mark.classList.remove('changed')
    void mark.offsetWidth // restarts the animation
    mark.classList.add('changed')
  }
  socket.onclose = () => setTimeout(() => connect(next), next)
}

if (marks.size > 0) connect(500)
