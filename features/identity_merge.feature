Feature: Two local identities can be held one person, and that can be taken back
  Each identity keeps its own studies and doses, whatever is said about who it is. A merge is a statement, made by
  somebody for a reason; taking it back is another one. Nothing is ever moved.

  Background:
    Given CHB, CHP and CHA each know a Marie Fictive

  Rule: L1, a pair is of two different identities, whichever is named first

    Scenario: An identity is merged with itself by mistake
      When CHB and CHB are merged because "same number"
      Then the ledger refuses with SameIdentity, rule L1: "name two identities"

    Scenario: The same pair the other way round
      Given CHB and CHP are merged because "same name and birth date"
      When CHP and CHB are merged because "same name and birth date"
      Then the ledger refuses with NothingToChange, rule L2
      And they are 2 persons

  Rule: L2, a merge can be taken back at any time

    @live
    Scenario: A merge made in error is taken back
      Given CHB and CHP are merged because "same name and birth date"
      When CHB and CHP are unmerged because "twin sisters"
      Then they are 3 persons

    @live
    Scenario: What comes in after a merge is seen from both sides
      Given CHB and CHP are merged because "same name and birth date"
      When CHB sends a study for her
      Then the study is in the record of CHB and CHP

    @live
    Scenario: What came in after the merge belongs to where it came from
      Given CHB and CHP are merged because "same name and birth date"
      And CHB sends a study for her
      When CHB and CHP are unmerged because "twin sisters"
      Then the study is in the record of CHB
      And they are 3 persons

    @live
    Scenario: Of two merges in a chain, the first is taken back first
      Given CHB and CHP are merged because "same name and birth date"
      And CHP and CHA are merged because "same national identity"
      When CHB and CHP are unmerged because "twin sisters"
      Then CHP and CHA are one person
      And CHB is a person apart

  Rule: L3, a barred pair is not merged, directly or through a third record

    Scenario: A bar stands against a later merge
      Given CHB and CHP are barred because "twin sisters"
      When CHB and CHP are merged because "same name and birth date"
      Then the ledger refuses with PairBarred, rule L3: "lift the bar first"
      And they are 3 persons

    @live
    Scenario: A third record that fits both waits in review
      Given CHB and CHP are barred because "twin sisters"
      And CHB and CHA are merged because "same national identity"
      When CHP and CHA are merged because "same name"
      Then CHP and CHA wait in review
      And CHP is a person apart

    Scenario: Once a human lifts the bar, the two can be merged
      Given CHB and CHP are barred because "twin sisters"
      And CHB and CHP are unbarred because "one person after all"
      When CHB and CHP are merged because "seen at the desk"
      Then CHB and CHP are one person

    Scenario: A human's merge holds, and a rule's gives way though it is older
      Given the rule strict merges who are alike in all strict traits
      And the rule strict merges CHB and CHP
      And CHB and CHA are barred because "twin sisters"
      When CHP and CHA are merged because "seen at the desk"
      Then CHP and CHA are one person
      And CHB is a person apart
      And the answer names CHB and CHP as the pair that gives way
      And CHB and CHP wait in review

    Scenario: The same people are one where the rule speaks last
      Given the rule strict merges who are alike in all strict traits
      And CHB and CHA are barred because "twin sisters"
      And CHP and CHA are merged because "seen at the desk"
      When the rule strict merges CHB and CHP
      Then CHP and CHA are one person
      And CHB is a person apart
      And CHB and CHP wait in review

    Scenario: Once the bar is lifted, the rule's merge counts again
      Given the rule strict merges who are alike in all strict traits
      And the rule strict merges CHB and CHP
      And CHB and CHA are barred because "twin sisters"
      And CHP and CHA are merged because "seen at the desk"
      When CHB and CHA are unbarred because "one person after all"
      Then they are 1 person

    Scenario: What a rule merged is a human's once a human merges it, too
      Given the rule strict merges who are alike in all strict traits
      And the rule strict merges CHB and CHP
      And CHB and CHP are merged because "papers seen"
      And CHB and CHA are barred because "twin sisters"
      When CHP and CHA are merged because "seen at the desk"
      Then CHB and CHP are one person
      And CHP and CHA wait in review

  Rule: L4, a merged pair is unmerged before it is barred

    Scenario: A bar on a merged pair
      Given CHB and CHP are merged because "same name and birth date"
      When CHB and CHP are barred because "twin sisters"
      Then the ledger refuses with StillMerged, rule L4: "unmerge it, then bar it"

  Rule: L5, what a human unmerged, only a human merges again

    Scenario: A rule finds the pair once more
      Given the rule strict merges who are alike in all strict traits
      And CHB and CHP are merged because "same name and birth date"
      And CHB and CHP are unmerged because "twin sisters"
      When the rule strict merges CHB and CHP
      Then the ledger refuses with HumanMadeIt, rule L5

    Scenario: A human changes their mind
      Given CHB and CHP are merged because "same name and birth date"
      And CHB and CHP are unmerged because "twin sisters"
      When CHB and CHP are merged because "the twin was a typing error"
      Then CHB and CHP are one person

  Rule: L6, people whose sex or birth date differ are merged by a human who names what differs

    Scenario: Nobody said that the birth dates differ
      Given CHX knows a Marie Fictive of another birth date than CHB
      When CHB and CHX are merged because "same papers"
      Then the ledger refuses with TraitsDiffer, rule L6: "then say --even-though birth-date"

    Scenario: Somebody names what does not differ
      Given CHX knows a Marie Fictive of another birth date than CHB
      When CHB and CHX are merged though their sex differs
      Then the ledger refuses with TraitsDiffer, rule L6

    Scenario: Somebody names what differs, and that is kept
      Given CHX knows a Marie Fictive of another birth date than CHB
      When CHB and CHX are merged though their birth date differs
      Then CHB and CHX are one person
      And the history says of the merge that their birth_date differed

  Rule: L9, two who are one person through others are parted by the pairs that hold them

    @live
    Scenario: A third record joins the two
      Given CHB and CHP are merged because "same name and birth date"
      And CHP and CHA are merged because "same national identity"
      When CHB and CHA are unmerged because "twin sisters"
      Then the ledger refuses with JoinedByOthers, rule L9: "to part them unmerge"

    Scenario: Of two pairs that hold them, the later is cut
      Given CHB and CHP are merged because "same name and birth date"
      And CHP and CHA are merged because "same national identity"
      When CHB and CHA are unmerged because "twin sisters"
      Then the refusal names CHP and CHA as the pair to cut

    Scenario: What a rule merged is cut before what a human merged
      Given the rule strict merges who are alike in all strict traits
      And the rule strict merges CHB and CHP
      And CHP and CHA are merged because "same national identity"
      When CHB and CHA are unmerged because "twin sisters"
      Then the refusal names CHB and CHP as the pair to cut

    Scenario: A merge is taken back, and others hold the two all the same
      Given CHB and CHP are merged because "same name and birth date"
      And CHP and CHA are merged because "same national identity"
      And CHB and CHA are merged because "seen at the desk"
      When CHB and CHA are unmerged because "twin sisters"
      Then the answer names CHP and CHA as the pair that joins them still
      And they are 1 person

  Rule: An auditor can see who said what, when, why and by which rule

    @live
    Scenario: The whole history of a pair
      Given CHB and CHP are merged because "same name and birth date"
      And CHB and CHP are unmerged because "twin sisters"
      Then the history of the pair is:
        | event         | reason                   | rule  |
        | link.merged   | same name and birth date | human |
        | link.unmerged | twin sisters             | human |
