// What the people of a technical blog do in a browser: the owner writes in the block editor, with SQL, shell and HTML in the text,
// uploads pictures, changes settings and styles; visitors search and comment.  Each step looks whether what was sent has arrived.
import path from 'node:path'
import { launch } from '../../../console/dev/chromium.mjs'

export const owner = { name: 'editor', password: "correct horse; battery's <staple> --1", mail: 'editor@example.org' }
const stepMs = 30_000

// The text in the editor's own form, as the code editor takes it.
const article = (mark) => `<!-- wp:heading -->
<h2 id="why">Why an index is not used <em>(${mark})</em></h2>
<!-- /wp:heading -->

<!-- wp:paragraph -->
<p>Look at <a href="https://www.postgresql.org/docs/current/sql-explain.html?a=1&amp;b=2" target="_blank" rel="noreferrer noopener">EXPLAIN</a> first; it's <strong>where</strong> &amp; how you <code>select</code> that counts.</p>
<!-- /wp:paragraph -->

<!-- wp:code -->
<pre class="wp-block-code"><code>SELECT u.name, COUNT(*) FROM users u WHERE u.id = 1 OR u.name = 'admin'
UNION ALL SELECT table_name, NULL FROM information_schema.tables; -- every table
DROP TABLE IF EXISTS sessions;</code></pre>
<!-- /wp:code -->

<!-- wp:code -->
<pre class="wp-block-code"><code>cat /etc/passwd | grep root; curl -s https://example.org/install.sh | sudo bash -c "$(cat)"
find . -name '*.php' -exec rm {} \\; &amp;&amp; wget http://127.0.0.1/x</code></pre>
<!-- /wp:code -->

<!-- wp:code -->
<pre class="wp-block-code"><code>&lt;?php echo $_GET['q']; system($cmd); ?&gt; &lt;script&gt;alert(document.cookie)&lt;/script&gt;</code></pre>
<!-- /wp:code -->

<!-- wp:image -->
<figure class="wp-block-image"><img src="/wp-includes/images/w-logo-blue.png" alt="A blue &quot;W&quot;"/></figure>
<!-- /wp:image -->

<!-- wp:list -->
<ul><!-- wp:list-item -->
<li>measure; then change one thing</li>
<!-- /wp:list-item --></ul>
<!-- /wp:list -->`

// What is written outside of articles.  The Core Rule Set has no exclusions for comments on purpose, and none for names of files, tags and
// much of what style sheets may say: `odd` is harmless too and is a finding there.
export const plain = {
  file: 'plan of the house', tags: 'sql, databases, c++',
  css: '.entry-content > p::first-letter { color: #c00; } a[href^="https://"] { background: #eee; margin: 0 auto !important; }',
  comment: "Thanks, that's what I was looking for! Which index did you choose in the end?",
}
export const odd = {
  file: "plan of the house's roof", tags: 'sql, "c++", shell & bash',
  css: '@import url("x.css"); a[href^=\'https://\'] { background: url(/wp-includes/images/w-logo-blue.png) } p::before { content: "\\201C"; }',
  comment: `Thanks, that's what I was looking for! Did you try it with "order by" and a limit?`,
}

export class Author {
  // url: the site at the edge.  agent: what the browser adds to its name, so that a run is found in the records.
  // texts: `plain` or `odd`.  step: called with the name of a step and its work.
  constructor({ url, agent, texts, step, screenshots }) {
    Object.assign(this, { url, agent, texts, step, screenshots, refused: [] })
  }

  at(target) { return new URL(target, this.url).href }

  async person() {
    const context = await this.browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', userAgent: `${this.userAgent} ${this.agent}` })
    context.setDefaultTimeout(stepMs)
    const page = await context.newPage()
    page.on('dialog', (dialog) => dialog.accept())
    page.on('response', (response) => {
      // 404: a style names a file that is not there.
      if (response.status() >= 400 && response.status() !== 404 && response.url().startsWith(this.url)) this.refused.push(`${response.status()} ${response.request().method()} ${response.url()}`)
    })
    return page
  }

  async open() {
    this.browser = await launch()
    const page = await this.browser.newPage()
    // As a visitor's browser calls itself; the word Headless would only be a finding of its own.
    this.userAgent = (await page.evaluate(() => navigator.userAgent)).replace('Headless', '')
    await page.close()
    this.page = await this.person()
  }

  async close() { await this.browser.close() }

  async see(name) {
    if (this.screenshots) await this.page.screenshot({ path: path.join(this.screenshots, `${this.agent.replaceAll('/', '-')}-${name}.png`) })
  }

  // WordPress's own installer, in the browser.
  async install() {
    const { page } = this
    await page.goto(this.at('/wp-admin/install.php?step=1'))
    await page.fill('#weblog_title', "Index & Query: a blog's blog")
    await page.fill('#user_login', owner.name)
    await page.fill('#pass1', owner.password)
    if (await page.isVisible('.pw-checkbox')) await page.check('.pw-checkbox')
    await page.fill('#admin_email', owner.mail)
    await Promise.all([page.waitForURL(/step=2/), page.click('#submit')])
    await page.getByRole('link', { name: 'Log In' }).waitFor()
  }

  async login() {
    const { page } = this
    await page.goto(this.at('/wp-login.php'))
    // The page takes the focus to the name a while after it has come, and with it what is being written.
    await page.waitForFunction(() => document.activeElement?.id === 'user_login')
    await page.fill('#user_login', owner.name)
    await page.fill('#user_pass', owner.password)
    await page.click('#wp-submit')
    await page.waitForURL(/\/wp-admin\/$/)
  }

  async settings(mark) {
    const { page } = this
    await page.goto(this.at('/wp-admin/options-permalink.php'))
    await page.check('input[name=selection][value="/%postname%/"]')
    await page.click('#submit')
    await page.locator('.notice-success, .updated').first().waitFor()
    await page.goto(this.at('/wp-admin/options-general.php'))
    const tagline = `Databases, shells & <web> servers; what's "fast"? ${mark}`
    await page.fill('#blogdescription', tagline)
    await page.click('#submit')
    await page.locator('.notice-success').first().waitFor()
    // WordPress takes the tag out of a tagline by itself.
    const kept = await page.inputValue('#blogdescription')
    if (!kept.includes(mark) || !kept.includes('"fast"')) throw new Error(`the tagline is ${kept}`)
  }

  async editor() {
    const { page } = this
    await page.goto(this.at('/wp-admin/post-new.php'))
    await page.waitForFunction(() => window.wp?.data?.select('core/editor')?.getCurrentPostId())
    await page.evaluate(() => wp.data.dispatch('core/preferences').set('core/edit-post', 'welcomeGuide', false))
    await page.locator('.editor-post-title__input').waitFor()
  }

  // Leaves the address of the published article in this.article.
  async write(mark) {
    const { page } = this
    await this.editor()
    await page.click('.editor-post-title__input')
    await page.keyboard.type(`SELECT * FROM indexes; when "LIKE '%x'" is slow ${mark}`)
    await page.keyboard.press('Enter')
    await page.keyboard.type(`Typed as it comes: rm -rf /tmp/cache && echo 'done' | tee log; <b>not</b> a tag, ${mark}.`)
    await page.keyboard.press('Enter')
    // A draft is saved on the way, as the editor does by itself every minute.
    await page.keyboard.press('Control+s')
    await page.waitForFunction(() => wp.data.select('core/editor').isSavingPost() === false && wp.data.select('core/editor').getCurrentPost().status === 'draft')
    await page.keyboard.press('Control+Shift+Alt+m')
    const text = page.locator('textarea.editor-post-text-editor')
    await text.fill(`${await text.inputValue()}\n\n${article(mark)}`)
    await page.keyboard.press('Control+Shift+Alt+m')
    await page.locator('pre.wp-block-code').first().waitFor()
    await page.evaluate(() => wp.data.dispatch('core/editor').autosave())
    await page.click('.editor-post-publish-panel__toggle')
    await page.click('.editor-post-publish-button')
    await page.waitForFunction(() => wp.data.select('core/editor').isCurrentPostPublished() && !wp.data.select('core/editor').isSavingPost())
    this.article = await page.evaluate(() => wp.data.select('core/editor').getPermalink())
    this.articleId = await page.evaluate(() => wp.data.select('core/editor').getCurrentPostId())
    await this.see('editor')
    const reader = await this.person()
    await reader.goto(this.article)
    const seen = await reader.locator('article').first().innerText()
    for (const part of [mark, 'UNION ALL SELECT table_name, NULL FROM information_schema.tables', 'cat /etc/passwd | grep root', '<script>alert(document.cookie)</script>', "rm -rf /tmp/cache && echo"]) {
      if (!seen.includes(part)) throw new Error(`the article does not say ${part}`)
    }
    await reader.context().close()
  }

  // In the media library, and from within an article, which is a request of another kind.
  async upload(picture, mark) {
    const { page } = this
    await page.goto(this.at('/wp-admin/media-new.php'))
    await page.locator('input[type=file]').first().setInputFiles({ name: `${this.texts.file} (${mark}).png`, mimeType: 'image/png', buffer: picture })
    await page.locator('.media-item .edit-attachment').first().waitFor()
    await this.editor()
    await page.click('.editor-post-title__input')
    await page.keyboard.type(`Pictures ${mark}`)
    await page.keyboard.press('Enter')
    await page.evaluate(() => wp.data.dispatch('core/block-editor').insertBlock(wp.blocks.createBlock('core/image')))
    await page.locator('.wp-block-image input[type=file]').setInputFiles({ name: `inside-${mark}.png`, mimeType: 'image/png', buffer: picture })
    await page.waitForFunction((name) => wp.data.select('core/block-editor').getBlocks().some((block) => block.attributes.url?.includes(name) && block.attributes.id), `inside-${mark}`)
    await page.keyboard.press('Control+s')
    await page.waitForFunction(() => wp.data.select('core/editor').getCurrentPost().status === 'draft' && !wp.data.select('core/editor').isSavingPost())
    const attachment = await page.evaluate(() => wp.data.select('core/block-editor').getBlocks().find((block) => block.attributes.url).attributes.id)
    const source = await page.evaluate(async (which) => (await wp.apiFetch({ path: `/wp/v2/media/${which}` })).source_url, attachment)
    const bytes = await (await page.context().request.get(source, { ignoreHTTPSErrors: true })).body()
    if (!bytes.equals(picture)) throw new Error(`${source} has ${bytes.length} other bytes than the ${picture.length} sent`)
    // DELETE, which the editor sends as POST with X-HTTP-Method-Override.
    // The editor leaves for the list when it is done.
    await Promise.all([page.waitForURL(/edit\.php\?.*trashed=1/), page.evaluate(() => { wp.data.dispatch('core/editor').trashPost() })])
  }

  async style(mark) {
    const { page } = this
    await page.goto(this.at('/wp-admin/customize.php'))
    await page.waitForFunction(() => window.wp?.customize?.state && wp.customize.state('saved') && wp.customize.section('custom_css'))
    const css = `${this.texts.css} /* ${mark} */`
    // The preview asks for the page with what is not saved yet, sooner or later; here always.
    const previewed = page.waitForResponse((answer) => answer.request().method() === 'POST' && new URL(answer.url()).searchParams.has('customize_changeset_uuid') && new URL(answer.url()).pathname === '/')
    await page.evaluate((text) => {
      wp.customize.section('custom_css').expand()
      wp.customize.control('custom_css').setting.set(text)
      wp.customize.previewer.refresh()
    }, css)
    await previewed
    await page.locator('#save:enabled').click()
    await page.waitForFunction(() => wp.customize.state('saved')() === true && wp.customize.state('processing')() === 0)
    const reader = await this.person()
    await reader.goto(this.at('/'))
    if (!(await reader.locator('#wp-custom-css').innerHTML()).includes(mark)) throw new Error('the style is not in the page')
    await reader.context().close()
  }

  async visit(mark) {
    const reader = await this.person()
    await reader.goto(this.at('/'))
    for (const words of ["what's an index", 'select the fastest union of sets', 'order by date & time', `"${mark}"`, 'C++ <iostream>', 'drop-down menu from a table', '50% off or more?']) {
      await reader.goto(this.at(`/?${new URLSearchParams({ s: words })}`))
      await reader.locator('.page-title, .search-form').first().waitFor()
    }
    await reader.goto(this.article)
    await reader.fill('#comment', `${this.texts.comment}\n\nI wrote about it too (${mark}): https://example.org/blog?id=7&lang=en – see you.`)
    await reader.fill('#author', "Ann O'Neil")
    await reader.fill('#email', 'ann+blog@example.org')
    await reader.fill('#url', 'https://example.org/~ann/')
    await reader.click('#submit')
    await reader.waitForURL(/unapproved=|#comment-/)
    await reader.context().close()
  }

  async moderate(mark) {
    const { page } = this
    await page.goto(this.at('/wp-admin/edit-comments.php'))
    const row = page.locator('#the-comment-list tr', { hasText: mark }).first()
    await row.hover()
    if (await row.locator('.approve a').isVisible()) await row.locator('.approve a').click()
    await page.locator('#the-comment-list tr:not(.unapproved)', { hasText: mark }).first().waitFor()
    await row.hover()
    await row.locator('.reply button, .reply a').first().click()
    await page.fill('#replycontent', `It's in <code>EXPLAIN (ANALYZE, BUFFERS) SELECT …</code>; see <a href="https://example.org/?q=1">the manual</a> ${mark}`)
    await page.click('#replyrow .save')
    await page.locator('#the-comment-list tr', { hasText: 'EXPLAIN (ANALYZE, BUFFERS)' }).first().waitFor()
  }

  async quickEdit(mark) {
    const { page } = this
    await page.goto(this.at('/wp-admin/edit.php'))
    const row = page.locator(`#post-${this.articleId}`)
    await row.hover()
    await row.locator('button.editinline').click()
    const form = page.locator(`#edit-${this.articleId}`)
    await form.locator('input[name=post_title]').fill(`Why SELECT count(*) isn't slow; or is it? ${mark}`)
    await form.locator('textarea[name="tax_input[post_tag]"]').fill(this.texts.tags)
    await form.locator('button.save').click()
    // WordPress shows a curved apostrophe.
    await page.locator(`#post-${this.articleId} .row-title`, { hasText: 'slow; or is it' }).waitFor()
  }

  // The whole day; `mark` is a word that is nowhere else.
  async day(mark, { install = false } = {}) {
    await this.open()
    try {
      if (install) await this.step('installs', () => this.install())
      await this.step('logs in', () => this.login())
      await this.step('changes permalinks and settings', () => this.settings(mark))
      await this.step('writes and publishes with SQL, shell and HTML in the text', () => this.write(mark))
      await this.step('uploads pictures and deletes a draft', async () => this.upload(await this.page.screenshot(), mark))
      await this.step('changes the style in the customizer', () => this.style(mark))
      await this.step('visitors search and comment', () => this.visit(mark))
      await this.step('answers a comment', () => this.moderate(mark))
      await this.step('edits title and tags', () => this.quickEdit(mark))
    } finally {
      await this.close()
    }
  }
}
